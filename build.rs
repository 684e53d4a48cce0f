//! Lets the linker leave the `napi_*` symbols to the Node.js process that loads the addon.

fn main() {
    napi_build::setup();
}
