//! The notebooks that are open: those that are shipped, and what was named on the command line. A
//! picture is looked for beside its notebook and nowhere else.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, OnceLock};

use crate::notebook::{self, Notebook};

/// All that can be chosen, the first one first.
#[derive(Debug)]
pub struct Shelf {
    books: Vec<Book>,
}

/// One notebook and where it comes from.
#[derive(Clone, Debug)]
pub struct Book {
    /// In addresses: no two are equal.
    pub name: String,
    origin: Origin,
    /// What a text that cannot change was read as: each opening of the page asks for all of them.
    known: OnceLock<Arc<Notebook>>,
}

#[derive(Clone, Debug)]
enum Origin {
    /// Part of this program.
    Shipped(&'static str),
    /// A notebook: an edited cell can be put back into it.
    File(PathBuf),
    /// Made of something that is no notebook, which lies in this folder.
    Made { text: String, folder: PathBuf },
}

/// Those that are shipped, in the order in which they are offered.
const SHIPPED: &[(&str, &str)] = &[
    ("story", include_str!("../shipped/notebooks/story.md")),
    ("races", include_str!("../shipped/notebooks/races.md")),
    ("hot-lock", include_str!("../shipped/notebooks/hot-lock.md")),
    ("servers", include_str!("../shipped/notebooks/servers.md")),
    ("your-function", include_str!("../shipped/notebooks/your-function.md")),
    ("your-command", include_str!("../shipped/notebooks/your-command.md")),
];

const PICTURES: &[(&str, &[u8])] =
    &[("free-lunch.svg", include_bytes!("../shipped/notebooks/free-lunch.svg"))];

/// No picture and no notebook is larger, bytes.
const FILE_MAX: u64 = 4 << 20;

impl Shelf {
    /// What is shipped.
    pub fn shipped() -> Self {
        let book = |(name, text): &(&str, &'static str)| {
            Book::new((*name).to_owned(), Origin::Shipped(text))
        };
        Self { books: SHIPPED.iter().map(book).collect() }
    }

    /// What was named, before what is shipped: a notebook (.md), a workload (.kdl), a function
    /// (`FILE.py:NAME`), or a folder with notebooks.
    ///
    /// # Errors
    /// A lowercase sentence with the next step.
    pub fn open(named: &str) -> Result<Self, String> {
        let path = Path::new(named);
        let mut own = if path.is_dir() { folder(path)? } else { vec![one(named)?] };
        let mut shelf = Self::shipped();
        shelf.books.retain(|shipped| own.iter().all(|book| book.name != shipped.name));
        own.append(&mut shelf.books);
        Ok(Self { books: own })
    }

    /// All of them.
    pub fn books(&self) -> &[Book] {
        &self.books
    }

    /// The one of this name; of an empty one, the first.
    pub fn find(&self, name: &str) -> Option<&Book> {
        match name {
            "" => self.books.first(),
            _ => self.books.iter().find(|book| book.name == name),
        }
    }
}

impl Book {
    fn new(name: String, origin: Origin) -> Self {
        Self { name, origin, known: OnceLock::new() }
    }

    /// What is in it: of a file, what is in it now.
    ///
    /// # Errors
    /// A lowercase sentence: the file cannot be read.
    pub fn read(&self) -> Result<Arc<Notebook>, String> {
        let parsed =
            |text: &str| Arc::new(notebook::parse(&self.name, text, &|name| self.picture(name)));
        let once = |text: &str| Arc::clone(self.known.get_or_init(|| parsed(text)));
        Ok(match &self.origin {
            Origin::Shipped(text) => once(text),
            Origin::Made { text, .. } => once(text),
            Origin::File(path) => parsed(&text_of(path)?),
        })
    }

    /// What tells it from all others, whatever they are called: where it is, if it is a file.
    pub fn identity(&self) -> String {
        let path = match &self.origin {
            Origin::Shipped(_) => return self.name.clone(),
            Origin::File(path) => path.clone(),
            Origin::Made { folder, .. } => folder.join(&self.name),
        };
        std::path::absolute(&path).unwrap_or(path).display().to_string()
    }

    /// Whether an edited cell can be put back.
    pub fn saves(&self) -> bool {
        matches!(self.origin, Origin::File(_))
    }

    /// The folder from which functions and inputs are looked for; `None`: it is not in a file.
    pub fn folder(&self) -> Option<&Path> {
        match &self.origin {
            Origin::Shipped(_) => None,
            Origin::File(path) => path.parent(),
            Origin::Made { folder, .. } => Some(folder),
        }
    }

    /// Writes the notebook with another source in one cell: whole, or not at all.
    ///
    /// # Errors
    /// A lowercase sentence with the cause.
    pub fn save(&self, cell: &str, source: &str) -> Result<(), String> {
        let Origin::File(path) = &self.origin else {
            return Err("this notebook is no file; copy the source from here".to_owned());
        };
        let notebook = self.read()?;
        let text = notebook
            .with_source(cell, source)
            .ok_or_else(|| format!("there is no cell `{cell}` any more; open the page again"))?;
        let written = || -> io::Result<()> {
            let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
            let mut beside = tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))?;
            io::Write::write_all(&mut beside, text.as_bytes())?;
            beside.as_file().set_permissions(fs::metadata(path)?.permissions())?;
            beside.as_file().sync_all()?;
            beside.persist(path).map_err(|error| error.error)?;
            Ok(())
        };
        written().map_err(|error| format!("{} cannot be written: {error}", path.display()))
    }

    /// A picture beside it, with its media type.
    fn picture(&self, name: &str) -> Option<(Vec<u8>, &'static str)> {
        let media = match Path::new(name).extension()?.to_str()? {
            "svg" => "image/svg+xml",
            "png" => "image/png",
            "jpg" | "jpeg" => "image/jpeg",
            "webp" => "image/webp",
            _ => return None,
        };
        if let Origin::Shipped(_) = self.origin {
            let found = PICTURES.iter().find(|(shipped, _)| *shipped == name)?;
            return Some((found.1.to_vec(), media));
        }
        let path = inside(self.folder()?, name)?;
        let small =
            fs::metadata(&path).is_ok_and(|facts| facts.is_file() && facts.len() <= FILE_MAX);
        small.then(|| fs::read(path).ok()).flatten().map(|bytes| (bytes, media))
    }
}

/// A file inside a folder, links followed; `None`: it is not there, or outside.
fn inside(folder: &Path, name: &str) -> Option<PathBuf> {
    let plain = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
    if !Path::new(name).components().all(plain) {
        return None;
    }
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let folder = folder.canonicalize().ok()?;
    let path = folder.join(name).canonicalize().ok()?;
    path.starts_with(&folder).then_some(path)
}

fn text_of(path: &Path) -> Result<String, String> {
    let unreadable =
        |why: String| format!("{} cannot be read: {why}; check the name", path.display());
    let facts = fs::metadata(path).map_err(|error| unreadable(error.to_string()))?;
    if facts.len() > FILE_MAX {
        return Err(unreadable(format!("it has more than {} MiB", FILE_MAX >> 20)));
    }
    fs::read_to_string(path).map_err(|error| unreadable(error.to_string()))
}

/// The notebooks of a folder, by name.
fn folder(path: &Path) -> Result<Vec<Book>, String> {
    let entries = fs::read_dir(path)
        .map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|file| file.extension().is_some_and(|end| end == "md"));
    files.sort();
    let holds_cells = |book: &Book| book.read().is_ok_and(|it| it.cells().next().is_some());
    let books: Vec<Book> = files.iter().map(|file| of_file(file)).filter(holds_cells).collect();
    match books.is_empty() {
        false => Ok(books),
        true => Err(format!(
            "no .md file in {} has a cell; a cell is a fenced block called workload, claim, python or server",
            path.display()
        )),
    }
}

fn of_file(path: &Path) -> Book {
    Book::new(stem(path), Origin::File(path.to_owned()))
}

fn stem(path: &Path) -> String {
    path.file_stem().map_or_else(|| "notebook".into(), |name| name.to_string_lossy().into_owned())
}

/// What one name stands for.
fn one(named: &str) -> Result<Book, String> {
    let (file, function) = match named.split_once(".py:") {
        Some((file, function)) => (PathBuf::from(format!("{file}.py")), Some(function)),
        None => (PathBuf::from(named), None),
    };
    let made = |text: String| {
        let folder = file.parent().map(Path::to_owned).unwrap_or_default();
        Book::new(stem(&file), Origin::Made { text, folder })
    };
    let text = text_of(&file)?;
    let fence =
        "`".repeat(text.split(|one| one != '`').map(str::len).max().unwrap_or(0).max(2) + 1);
    match (file.extension().and_then(|end| end.to_str()), function) {
        (Some("md"), None) => Ok(of_file(&file)),
        (Some("kdl"), None) => {
            let title = file.display();
            Ok(made(format!("# {title}\n\n{fence}workload id=work\n{text}\n{fence}\n")))
        }
        (Some("py"), Some(function)) => Ok(made(format!(
            "# {function} of {}\n\n{fence}python id=function call={function}\n{text}\n{fence}\n",
            file.display()
        ))),
        _ => Err(format!(
            "{named} is nothing that the lab opens; name a notebook (.md), a workload (.kdl), a function \
             (FILE.py:NAME) or a folder of notebooks"
        )),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn pictures_come_from_beside_the_notebook_and_from_nowhere_else() {
        let place = tempfile::tempdir().unwrap();
        let inner = place.path().join("inner");
        fs::create_dir(&inner).unwrap();
        fs::write(place.path().join("secret.png"), "secret").unwrap();
        fs::write(inner.join("own.png"), "own").unwrap();
        symlink(place.path().join("secret.png"), inner.join("link.png")).unwrap();
        fs::write(inner.join("book.md"), "# B\n").unwrap();
        let book = of_file(&inner.join("book.md"));
        assert_eq!(book.picture("own.png").unwrap().0, b"own");
        let absolute = place.path().join("secret.png").display().to_string();
        for outside in ["../secret.png", "link.png", "own.txt", "none.png", absolute.as_str()] {
            assert!(book.picture(outside).is_none(), "{outside}");
        }
    }

    #[test]
    fn what_is_named_becomes_a_notebook_before_those_that_are_shipped() {
        let place = tempfile::tempdir().unwrap();
        let path = |name: &str| place.path().join(name).display().to_string();
        fs::write(path("w.kdl"), "task \"t\" { wait \"1s\" }").unwrap();
        fs::write(path("f.py"), "def g():\n    pass\n").unwrap();
        fs::write(path("n.md"), "# N\n```claim id=a\n02-amdahl\n```\n").unwrap();
        for (named, cell) in
            [(path("w.kdl"), "work"), (path("f.py") + ":g", "function"), (path("n.md"), "a")]
        {
            let shelf = Shelf::open(&named).unwrap();
            let book = shelf.find("").unwrap();
            assert!(book.read().unwrap().cell(cell).is_some(), "{named}");
            assert!(shelf.find("story").is_some());
        }
        assert_eq!(Shelf::open(&path("")).unwrap().find("").unwrap().name, "n");
        for wrong in ["f.py", "none.md", "w.kdl:g"] {
            assert!(Shelf::open(&path(wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_edited_cell_is_saved_into_the_file() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("n.md");
        fs::write(&path, "before\n```claim id=a\n02-amdahl\n```\nafter").unwrap();
        let book = of_file(&path);
        book.save("a", "14-a-hot-lock\n").unwrap();
        assert_eq!(
            fs::read_to_string(&path).unwrap(),
            "before\n```claim id=a\n14-a-hot-lock\n```\nafter"
        );
        assert!(book.save("b", "").unwrap_err().contains("no cell `b`"));
        assert!(Shelf::shipped().find("story").unwrap().save("tables", "").is_err());
    }
}
