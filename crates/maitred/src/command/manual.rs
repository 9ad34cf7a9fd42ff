//! `maitred man`: made from the arguments as they are.

use clap::CommandFactory;

use crate::cli::Cli;
use crate::error::Error;

/// The manual page in roff: the program, then each command with all its options.
///
/// # Errors
/// [`Error::NotWritten`] when the page cannot be put together.
pub(crate) fn man_page() -> Result<String, Error> {
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    let mut text = Vec::new();
    let wrong = |error| Error::NotWritten(format!("the manual page cannot be made: {error}"));
    clap_mangen::Man::new(command.clone()).render(&mut text).map_err(wrong)?;
    for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
        let page = clap_mangen::Man::new(sub.clone());
        let title = format!(".SH \"MAITRED {}\"\n", sub.get_name().to_uppercase());
        text.extend(title.as_bytes());
        page.render_description_section(&mut text).map_err(wrong)?;
        page.render_options_section(&mut text).map_err(wrong)?;
        page.render_extra_section(&mut text).map_err(wrong)?;
    }
    Ok(String::from_utf8_lossy(&text).into_owned())
}
