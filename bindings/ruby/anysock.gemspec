# frozen_string_literal: true

Gem::Specification.new do |spec|
  spec.name = 'anysock'
  spec.version = '0.2.0'
  spec.summary = 'The same sockets on every system'
  spec.authors = ['The authors of anysock']
  spec.licenses = ['MIT', 'Apache-2.0']
  spec.required_ruby_version = '>= 3.0'
  spec.files = Dir['lib/**/*.rb', 'examples/*.rb', 'README.md']
  spec.add_dependency 'ffi', '~> 1.15'
end
