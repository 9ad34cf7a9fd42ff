//! The rules of the house that no compiler holds: who may import whom, where `unsafe` may stand,
//! how large a file may grow. Each rule is shown a planted violation, so that it can fail.

mod circles;
mod slow;

use std::fs;
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Files below a folder with this ending, as (path from the root, text).
fn files(folder: &str, ending: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                if !path.ends_with("target") {
                    folders.push(path);
                }
            } else if path.to_string_lossy().ends_with(ending) {
                let name = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
                found.push((name, fs::read_to_string(&path).unwrap_or_default()));
            }
        }
    }
    found.sort();
    found
}

const CRATES: [&str; 10] =
    ["wire", "kernel", "core", "native", "server", "engine", "store", "lab", "closures", "maitred"];

/// Which crates of ours a crate may name in its `[dependencies]`, and which foreign ones it must
/// not: the measured must not carry the measurer's dependencies.
fn wrong_dependency(crate_name: &str, manifest: &str) -> Option<String> {
    let (ours, forbidden): (&[&str], &[&str]) = match crate_name {
        "wire" => (&[], &["kdl", "libc", "tokio", "clap"]),
        // What measures carries it, and so does what is measured.
        "kernel" => (&[], &["kdl", "serde", "serde_json", "tokio", "clap", "tempfile"]),
        "core" => (&["maitred-wire"], &["kdl", "libc", "tokio", "clap"]),
        "native" | "server" => (&["maitred-wire", "maitred-kernel"], &["kdl", "clap"]),
        "store" => (&["maitred-wire", "maitred-core"], &["clap", "kdl", "tokio", "libc"]),
        "lab" => {
            (&["maitred-wire", "maitred-core", "maitred-engine", "maitred-store"], &["clap", "kdl"])
        }
        // It is told what to do by values, and says what happens by values: no arguments, no terminal.
        "engine" => (
            &["maitred-wire", "maitred-kernel", "maitred-core"],
            &["tokio", "clap", "clap_complete", "clap_mangen", "terminal_size", "resvg"],
        ),
        // Whoever benches with it compiles it.
        "closures" => (
            &["maitred-core", "maitred-engine", "maitred-native"],
            &["clap", "kdl", "tokio", "resvg", "rusqlite"],
        ),
        "maitred" => (
            &[
                "maitred-wire",
                "maitred-core",
                "maitred-engine",
                "maitred-lab",
                "maitred-native",
                "maitred-server",
                "maitred-store",
            ],
            &["tokio", "rusqlite"],
        ),
        other => return Some(format!("a crate that the house does not know: {other}")),
    };
    let manifest: toml::Table = manifest.parse().unwrap();
    let dependencies = manifest["dependencies"].as_table().unwrap();
    dependencies
        .keys()
        .find(|name| {
            let foreign_to_the_house =
                name.starts_with("maitred") && !ours.contains(&name.as_str());
            foreign_to_the_house || forbidden.contains(&name.as_str())
        })
        .map(|name| format!("{crate_name} must not depend on {name}"))
}

#[test]
fn crates_depend_only_on_those_they_may() {
    for name in CRATES {
        let path = root().join("crates").join(name).join("Cargo.toml");
        assert_eq!(wrong_dependency(name, &fs::read_to_string(path).unwrap()), None);
    }
    let planted = "[dependencies]\nserde = \"1\"\nmaitred-core.workspace = true\n";
    assert!(wrong_dependency("native", planted).is_some());
    assert!(wrong_dependency("core", "[dependencies]\ntokio = \"1\"\n").is_some());
    for planted in ["maitred", "clap", "terminal_size", "maitred-native", "maitred-store"] {
        let planted = format!("[dependencies]\n{planted} = \"1\"\n");
        assert!(wrong_dependency("engine", &planted).is_some(), "{planted}");
    }
}

/// The modules of `core`, in the order in which they stand in `lib.rs`.
const ORDER: [&str; 6] = ["workload", "trace", "result", "recording", "analyse", "view"];

/// The modules of the crate that a file names: in `use` trees (also grouped ones) and in paths.
struct Imports(Vec<String>);

impl<'ast> Visit<'ast> for Imports {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        if let syn::UseTree::Path(path) = &item.tree
            && path.ident == "crate"
        {
            heads(&path.tree, &mut self.0);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.segments.len() > 1 && path.segments[0].ident == "crate" {
            self.0.push(path.segments[1].ident.to_string());
        }
        visit::visit_path(self, path);
    }
}

fn heads(tree: &syn::UseTree, found: &mut Vec<String>) {
    match tree {
        syn::UseTree::Path(path) => found.push(path.ident.to_string()),
        syn::UseTree::Name(name) => found.push(name.ident.to_string()),
        syn::UseTree::Rename(name) => found.push(name.ident.to_string()),
        syn::UseTree::Group(group) => group.items.iter().for_each(|tree| heads(tree, found)),
        syn::UseTree::Glob(_) => {}
    }
}

fn imports_of_later_modules(module: &str, source: &str) -> Vec<String> {
    let mut imports = Imports(Vec::new());
    imports.visit_file(&syn::parse_file(source).unwrap());
    let place = |name: &str| ORDER.iter().position(|module| *module == name);
    let own = place(module);
    imports.0.into_iter().filter(|name| place(name) > own).collect()
}

#[test]
fn core_modules_import_only_those_named_before_them() {
    let lib = fs::read_to_string(root().join("crates/core/src/lib.rs")).unwrap();
    let declared: Vec<_> =
        lib.lines().filter_map(|l| l.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    assert_eq!(declared, ORDER);
    assert!(lib.contains("#![no_std]"), "the compiler holds the purity of core");
    for (name, source) in files("crates/core/src", ".rs") {
        let inside = name.strip_prefix("crates/core/src/").unwrap();
        let module = inside.split(['/', '.']).next().unwrap();
        assert_eq!(imports_of_later_modules(module, &source), Vec::<String>::new(), "{name}");
        let tested = name.ends_with("tests.rs") || name.ends_with("lib.rs");
        assert!(tested || !source.contains("extern crate std"), "{name} brings std into core");
    }
    let planted = "use crate::{workload::Workload, view as picture};\nfn f() { crate::trace::g() }";
    assert_eq!(imports_of_later_modules("workload", planted), ["view", "trace"]);
}

/// Where the compiler may be told that we know better.
fn may_be_unsafe(name: &str) -> bool {
    name.ends_with("/sys.rs") || name.contains("/sys/")
}

struct UnsafeBlocks(usize);

impl<'ast> Visit<'ast> for UnsafeBlocks {
    fn visit_expr_unsafe(&mut self, block: &'ast syn::ExprUnsafe) {
        self.0 += 1;
        visit::visit_expr_unsafe(self, block);
    }
}

fn unsafe_blocks(source: &str) -> usize {
    let mut blocks = UnsafeBlocks(0);
    blocks.visit_file(&syn::parse_file(source).unwrap());
    blocks.0
}

#[test]
fn unsafe_code_lives_in_the_files_named_for_it() {
    for (name, source) in files("crates", ".rs") {
        assert!(may_be_unsafe(&name) || unsafe_blocks(&source) == 0, "{name} has unsafe code");
    }
    assert_eq!(unsafe_blocks("fn f() { let unsafe_ = 1; unsafe { g() } }"), 1);
}

/// What one can keep in mind.
const LINES: usize = 600;

/// What is wrong with a file: how long it is, how it is called, or that it does not say what it is for.
fn untidy(name: &str, source: &str) -> Option<String> {
    let lines = source.lines().count();
    if lines > LINES {
        return Some(format!("{name} has {lines} lines: redesign the room"));
    }
    let stem = Path::new(name).file_stem().unwrap().to_string_lossy().into_owned();
    let vague = ["util", "helper", "common", "misc", "manager"];
    if vague.iter().any(|word| stem.contains(word)) {
        return Some(format!("{name} says nothing about what is in it"));
    }
    let says = ["//!", "#![", "\"\"\""].iter().any(|start| source.starts_with(start));
    let is_lesson = name.starts_with("examples/") || source.is_empty();
    (!says && !is_lesson).then(|| format!("{name} does not say what it is for"))
}

#[test]
fn files_stay_rooms_and_have_names() {
    let rust = files("crates", ".rs").into_iter().chain(files("bench", ".rs"));
    let folders = ["crates", "bench", "runtimes", "examples", "python"];
    let python = folders.iter().flat_map(|folder| files(folder, ".py"));
    let wrong: Vec<String> =
        rust.chain(python).filter_map(|(name, source)| untidy(&name, &source)).collect();
    assert_eq!(wrong, [""; 0]);
    let long = format!("\"\"\"It is long.\"\"\"\n{}", "x = 1\n".repeat(LINES));
    assert!(untidy("runtimes/python/long.py", &long).is_some());
    assert_eq!(untidy("runtimes/python/long.py", long.trim_end_matches("x = 1\n")), None);
    assert!(untidy("crates/core/src/helpers.rs", "//! Helps.\n").is_some());
    assert!(untidy("crates/core/src/silent.rs", "fn f() {}\n").is_some());
}

/// What is told to the compiler of how long a function may be, and by what it is held.
#[test]
fn functions_stay_short() {
    let manifest: toml::Table =
        fs::read_to_string(root().join("Cargo.toml")).unwrap().parse().unwrap();
    assert_eq!(manifest["workspace"]["lints"]["clippy"]["too_many_lines"].as_str(), Some("warn"));
    let clippy: toml::Table =
        fs::read_to_string(root().join("clippy.toml")).unwrap().parse().unwrap();
    assert_eq!(clippy["too-many-lines-threshold"].as_integer(), Some(70));
    let ci = fs::read_to_string(root().join(".ci/run")).unwrap();
    assert!(ci.contains("cargo clippy --workspace --all-targets --locked -- -D warnings"));
    for (name, source) in
        files("crates", "Cargo.toml").into_iter().chain(files("bench", "Cargo.toml"))
    {
        assert!(source.contains("[lints]\nworkspace = true") || name.contains("/fuzz/"), "{name}");
    }
}
