//! No import circle between the files of a crate: each can be read after those it names. Who names
//! what is followed through `use`, also grouped, renamed and passed on by another module, to the
//! file where it stands; what only passes a name on imports nothing.

use std::collections::{BTreeMap, BTreeSet};

use syn::visit::{self, Visit};
use syn::{Item, UseTree, Visibility};

use super::{CRATES, files};

type Path = Vec<String>;

/// The modules of a crate, by their path from its root.
#[derive(Default)]
struct Modules(BTreeMap<Path, Module>);

/// What a module knows by name.
struct Module {
    file: String,
    uses: BTreeMap<String, Path>,
    globs: Vec<Path>,
}

impl Modules {
    /// Of a crate whose source files these are.
    fn read(sources: &[(String, syn::File)]) -> Self {
        let mut modules = Self::default();
        for (file, source) in sources {
            modules.add(place(file), file, &source.items);
        }
        modules
    }

    fn add(&mut self, at: Path, file: &str, items: &[Item]) {
        let mut module = Module { file: file.to_owned(), uses: BTreeMap::new(), globs: Vec::new() };
        for item in items.iter().filter(|item| !is_for_tests(item)) {
            match item {
                Item::Use(item) => leaves(&item.tree, &mut Vec::new(), &mut |path, name| {
                    let path = absolute(path, &at);
                    match name {
                        Some(name) => drop(module.uses.insert(name, path)),
                        None => module.globs.push(path),
                    }
                }),
                Item::Mod(inner) => {
                    let Some((_, items)) = &inner.content else { continue };
                    let at = [&at[..], &[inner.ident.to_string()]].concat();
                    self.add(at, file, items);
                }
                _ => {}
            }
        }
        self.0.insert(at, module);
    }

    /// The file where what this path names stands, if it is of this crate and no whole module.
    fn find(&self, path: &[String], depth: u32) -> Option<&str> {
        let (first, names) = path.split_first()?;
        if first != "crate" || depth > 20 {
            return None;
        }
        let mut at = Vec::new();
        for (index, name) in names.iter().enumerate() {
            let module = self.0.get(&at)?;
            at.push(name.clone());
            if self.0.contains_key(&at) {
                continue;
            }
            if let Some(path) = module.uses.get(name) {
                // A path that does not say where it starts, starts here.
                let starts_here = path.first().is_some_and(|first| first != "crate");
                let here = [&["crate".to_owned()], &at[..index]].concat();
                let before = if starts_here { &here[..] } else { &[] };
                let onward = [before, &path[..], &names[index + 1..]].concat();
                return self.find(&onward, depth + 1);
            }
            return Some(&module.file);
        }
        None
    }

    /// Which files each file imports from.
    fn imports(&self, sources: &[(String, syn::File)]) -> BTreeMap<String, BTreeSet<String>> {
        let mut imports = BTreeMap::new();
        for (file, source) in sources {
            let mut names = Names { modules: self, at: place(file), found: BTreeSet::new() };
            names.visit_file(source);
            names.found.remove(file);
            imports.insert(file.clone(), names.found);
        }
        imports
    }
}

/// Where a file's module is: `view/table.rs` at `view`, `table`.
fn place(file: &str) -> Path {
    let path = file.trim_end_matches(".rs").split('/').map(str::to_owned);
    path.filter(|name| !["lib", "main", "mod"].contains(&name.as_str())).collect()
}

fn is_for_tests(item: &Item) -> bool {
    let attributes = match item {
        Item::Mod(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        _ => return false,
    };
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Path>().is_ok_and(|path| path.is_ident("test"))
    })
}

/// Every path that a `use` ends in, with the name that it gets; no name: all that is there.
fn leaves(tree: &UseTree, path: &mut Path, take: &mut dyn FnMut(&Path, Option<String>)) {
    let mut named = |path: &mut Path, last: String, name: String| {
        // `use a::{self}` names `a`.
        let own = last == "self" && !path.is_empty();
        if !own {
            path.push(last);
        }
        let name = if name == "self" { path.last().cloned().unwrap_or_default() } else { name };
        take(path, Some(name));
        if !own {
            path.pop();
        }
    };
    match tree {
        UseTree::Path(part) => {
            path.push(part.ident.to_string());
            leaves(&part.tree, path, take);
            path.pop();
        }
        UseTree::Name(leaf) => named(path, leaf.ident.to_string(), leaf.ident.to_string()),
        UseTree::Rename(leaf) => named(path, leaf.ident.to_string(), leaf.rename.to_string()),
        UseTree::Glob(_) => take(path, None),
        UseTree::Group(group) => group.items.iter().for_each(|tree| leaves(tree, path, take)),
    }
}

/// The path from the root of the crate; as it stands if it does not say where it starts.
fn absolute(path: &[String], at: &Path) -> Path {
    let (mut up, mut rest) = (at.clone(), path);
    match path.first().map(String::as_str) {
        Some("self") => rest = &rest[1..],
        Some("super") => {
            while rest.first().is_some_and(|name| name == "super") {
                up.pop();
                rest = &rest[1..];
            }
        }
        _ => return path.to_vec(),
    }
    [&["crate".to_owned()], &up[..], rest].concat()
}

/// Collects the files that a file names.
struct Names<'a> {
    modules: &'a Modules,
    at: Path,
    found: BTreeSet<String>,
}

impl Names<'_> {
    fn take(&mut self, path: &[String]) {
        let mut path = absolute(path, &self.at);
        let first = path.first().cloned().unwrap_or_default();
        if first != "crate" {
            let child = [&self.at[..], std::slice::from_ref(&first)].concat();
            let known = self.modules.0.get(&self.at).and_then(|module| module.uses.get(&first));
            path = match known {
                Some(full) => [&full[..], &path[1..]].concat(),
                None if self.modules.0.contains_key(&child) => {
                    [&["crate".to_owned()], &self.at[..], &path[..]].concat()
                }
                None => return,
            };
        }
        self.found.extend(self.modules.find(&path, 0).map(str::to_owned));
    }
}

impl<'ast> Visit<'ast> for Names<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_for_tests(item) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        self.at.push(item.ident.to_string());
        visit::visit_item_mod(self, item);
        self.at.pop();
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        let mut paths = Vec::new();
        leaves(&item.tree, &mut Vec::new(), &mut |path, _| paths.push(path.clone()));
        let passes_on = !matches!(item.vis, Visibility::Inherited);
        paths.into_iter().filter(|_| !passes_on).for_each(|path| self.take(&path));
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Path = path.segments.iter().map(|part| part.ident.to_string()).collect();
        self.take(&names);
        visit::visit_path(self, path);
    }

    /// What a macro is given need not be Rust: its paths are looked for among the words.
    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        let text = call.tokens.to_string().replace(" :: ", "::");
        let is_part = |sign: char| !(sign.is_alphanumeric() || sign == '_' || sign == ':');
        for word in text.split(is_part).filter(|word| word.contains("::")) {
            let names: Path = word.split("::").map(str::to_owned).collect();
            self.take(&names);
        }
    }
}

/// The groups of files of which each can be reached from each other one.
fn circles(imports: &BTreeMap<String, BTreeSet<String>>) -> Vec<BTreeSet<String>> {
    let reached = |start: &String| {
        let (mut seen, mut next) = (BTreeSet::new(), vec![start]);
        while let Some(file) = next.pop() {
            let onward = imports.get(file).into_iter().flatten();
            next.extend(onward.filter(|file| seen.insert((*file).clone())));
        }
        seen
    };
    let reached: BTreeMap<_, _> = imports.keys().map(|file| (file, reached(file))).collect();
    let mut found = BTreeSet::new();
    for (file, from_it) in &reached {
        let back = |other: &&String| reached.get(other).is_some_and(|of| of.contains(*file));
        let circle: BTreeSet<String> = from_it.iter().filter(back).cloned().collect();
        if circle.contains(*file) {
            found.insert(circle);
        }
    }
    found.into_iter().collect()
}

/// Of a crate whose source files these are: path below `src`, text.
fn circles_of(sources: &[(String, String)]) -> Vec<BTreeSet<String>> {
    let parse = |(file, text): &(String, String)| (file.clone(), syn::parse_file(text).unwrap());
    let sources: Vec<_> = sources.iter().map(parse).collect();
    circles(&Modules::read(&sources).imports(&sources))
}

#[test]
fn files_of_a_crate_do_not_import_each_other_in_a_circle() {
    let mut wrong = BTreeMap::new();
    let folders = CRATES.map(|name| format!("crates/{name}/src"));
    for folder in folders.iter().map(String::as_str).chain(["bench/src"]) {
        let mut sources = files(folder, ".rs");
        for (file, _) in &mut sources {
            *file = file.trim_start_matches(&format!("{folder}/")).to_owned();
        }
        sources.retain(|(file, _)| !file.ends_with("tests.rs") && !file.contains("/tests/"));
        let circles = circles_of(&sources);
        if !circles.is_empty() {
            wrong.insert(folder.to_owned(), circles);
        }
    }
    assert!(wrong.is_empty(), "files import each other in a circle: {wrong:#?}");
}

#[test]
fn a_circle_is_seen_however_it_is_written() {
    let planted = |lib: &str, first: &str, second: &str| {
        let file = |name: &str, text: &str| (name.to_owned(), text.to_owned());
        circles_of(&[file("lib.rs", lib), file("a.rs", first), file("b/mod.rs", second)]).len()
    };
    let lib = "mod a; mod b; pub use b::Passed;";
    let first = "use crate::{b::{self, B}}; pub struct A;";
    assert_eq!(planted(lib, first, "pub struct B;"), 0);
    assert_eq!(planted(lib, first, "use super::a::A; pub struct B;"), 1);
    assert_eq!(planted(lib, first, "pub struct B; fn f() { crate::a::g() }"), 1);
    assert_eq!(planted(lib, first, "pub struct B; fn f() { print!(\"{}\", crate::a::G) }"), 1);
    let passed = "use crate::Passed; pub struct A;";
    assert_eq!(planted(lib, passed, "use crate::a::A; pub struct Passed;"), 1);
    assert_eq!(planted(lib, first, "#[cfg(test)] mod tests { use crate::a::A; }"), 0);
}
