# frozen_string_literal: true

# The library's errors as Ruby's own: a class of Errno where there is one of the name.
#
# SPDX-License-Identifier: MIT OR Apache-2.0

require 'socket'

module Anysock
  # What every error of the library is, beside the class it has in Ruby.
  module Error
    # The library's number: Linux's, negated, on every system.
    attr_reader :code

    # As "ECONNREFUSED".
    def name
      Abi.anysock_error_name(code)
    end

    # The answer of a call; a negative one is raised.
    def self.check(result)
      result.negative? ? raise(of(result)) : result
    end

    # The exception for a number.
    def self.of(code)
      name = Abi.anysock_error_name(code)
      error =
        if name.start_with?('EAI_')
          SocketError.new("#{Abi.anysock_error_message(code)} (#{name})")
        elsif Errno.const_defined?(name, false)
          Errno.const_get(name).new
        else
          SystemCallError.new("#{Abi.anysock_error_message(code)} (#{name})")
        end
      error.extend(self)
      error.instance_variable_set(:@code, code)
      error
    end
  end
end
