# nixpkgs, as much of it as our recipe uses: its builder unpacks the source, takes the crates from the folder that the recipe
# names, and runs the recipe's phases with the machine's own cargo and compiler. Nix itself checks the archive's sum.
# A machine that is very busy may see Nix kill a builder that is just ending.
{ machine }: # the PATH to find them on, and HOME, which rustup's cargo asks for
let
  shell = "/bin/bash";
in
{
  fetchurl = { url, hash }: builtins.fetchurl { inherit url; sha256 = hash; };

  rustPlatform.buildRustPackage = this: builtins.derivation {
    name = "${this.pname}-${this.version}";
    inherit (this) outputs;
    system = builtins.currentSystem;
    builder = shell;
    args = [ "-euc" ''
      export PATH=${machine.path} HOME=${machine.home}
      patchShebangs() { true; }
      tar -xzf ${this.src}
      cd *-source || cd *
      [ -d ${this.cargoVendorDir} ]
      ${this.buildPhase}
      ${this.installPhase}
    '' ];
    # What the recipe says of itself is evaluated, too.
    description = this.meta.description;
    licences = map (each: each.spdxId) this.meta.license;
    platforms = this.meta.platforms;
    tools = map baseNameOf this.nativeBuildInputs;
  };

  python3 = "python3";
  lib = {
    licenses = { mit.spdxId = "MIT"; asl20.spdxId = "Apache-2.0"; };
    platforms.unix = [ "x86_64-linux" "aarch64-linux" ];
  };
}
