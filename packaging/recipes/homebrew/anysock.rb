class Anysock < Formula
  desc "Same sockets for every language on every system"
  homepage "https://anysock.example"
  url "https://anysock.example/anysock-0.2.0-source.tar.gz"
  sha256 "0000000000000000000000000000000000000000000000000000000000000000"
  license any_of: ["MIT", "Apache-2.0"]

  depends_on "rust" => :build

  def install
    system "packaging/build", "--offline"
    system "python3", "packaging/man.py", "target/man"
    system "packaging/install", "prefix=#{prefix}", "man=target/man"
  end

  test do
    (testpath/"test.c").write <<~C
      #include <anysock.h>
      int main(void) { return anysock_close(anysock_open("tcp")) == 0 ? 0 : 1; }
    C
    system ENV.cc, "test.c", "-I#{include}", "-L#{lib}", "-lanysock", "-o", "test"
    system "./test"
  end
end
