//! The native runner by itself, for its tests; users have it inside of `maitred`.

fn main() -> std::process::ExitCode {
    maitred_native::main()
}
