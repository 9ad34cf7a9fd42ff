//! Pictures as pixels: for places that show no SVG. To read and set fonts takes a fifth of the time in
//! which all else is compiled, and a fifth of the binary, so this is a feature of the build.

#[cfg(feature = "png")]
mod pixels;

#[cfg(feature = "png")]
pub(crate) use pixels::png;

/// What to do where there is none.
pub(crate) const MISSING: Option<&str> = match cfg!(feature = "png") {
    true => None,
    false => Some(
        "this build of maitred draws no PNG; write SVG instead, or build it with `--features png`, as \
         wheels and releases are",
    ),
};

/// Says that there is none.
#[cfg(not(feature = "png"))]
pub(crate) fn png(_svg: &str) -> Result<Vec<u8>, String> {
    Err(MISSING.unwrap_or_default().to_owned())
}
