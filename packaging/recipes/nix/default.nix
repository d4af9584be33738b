{ pkgs ? import <nixpkgs> { } }:

pkgs.rustPlatform.buildRustPackage rec {
  pname = "anysock";
  version = "0.2.0";

  src = pkgs.fetchurl {
    url = "https://anysock.example/anysock-${version}-source.tar.gz";
    hash = pkgs.lib.fakeHash;
  };
  # The source archive brings its crates.
  cargoVendorDir = "vendor";

  nativeBuildInputs = [ pkgs.python3 ];
  outputs = [ "out" "dev" "man" ];

  buildPhase = ''
    patchShebangs packaging
    packaging/build --offline
    python3 packaging/man.py target/man
  '';
  installPhase = ''
    packaging/install prefix=$out includedir=$dev/include pkgconfigdir=$dev/lib/pkgconfig \
      cmakedir=$dev/lib/cmake/anysock mandir=$man/share/man man=target/man
  '';
  doCheck = false;

  meta = {
    description = "The same sockets for every language on every system";
    homepage = "https://anysock.example";
    license = [ pkgs.lib.licenses.mit pkgs.lib.licenses.asl20 ];
    platforms = pkgs.lib.platforms.unix;
  };
}
