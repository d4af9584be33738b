# Homebrew's Formula, as much of it as ours uses: installs from this checkout into a folder and runs the formula's test.
#
#   ruby homebrew.rb FORMULA FOLDER      called in the top of the checkout

require "pathname"
require "tmpdir"

# What a formula says of itself, and does.
class Formula
  class << self
    attr_reader :said, :check

    %i[desc homepage url sha256 license depends_on].each do |word|
      define_method(word) { |value| (@said ||= {})[word] = value }
    end

    def test(&block)
      @check = block
    end
  end

  attr_reader :prefix, :testpath

  def initialize(prefix, testpath)
    @prefix = prefix
    @testpath = testpath
  end

  def include
    prefix + "include"
  end

  def lib
    prefix + "lib"
  end

  def system(*words)
    Kernel.system(*words.map(&:to_s)) || raise("#{words.join(" ")} fails")
  end
end

def ENV.cc
  fetch("CC", "cc")
end

load File.expand_path(ARGV[0])
raise "the formula lacks something" unless %i[desc homepage url sha256 license].all? { |word| Anysock.said[word] }

Dir.mktmpdir do |folder|
  formula = Anysock.new(Pathname(ARGV[1]), Pathname(folder))
  formula.install
  ENV["LD_LIBRARY_PATH"] = formula.lib.to_s
  Dir.chdir(folder) { formula.instance_eval(&Anysock.check) }
end
