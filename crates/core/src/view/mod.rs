//! Views.
// TO THE ENGINEER OF THIS BRANCH, from the lead (remove this comment): timeline.rs and phases.rs are being written by
// me on main (functions `timeline(&Trace, &TimelineOptions) -> String`, `phases(&Trace, …) -> String`). Don't write
// them. Yours remain: analyse/**, view/{table,markdown,csv,json}.rs, docs/result.schema.json.
// Also wanted in analyse: `change.rs`: two saved Comparisons (old, new) -> for each model+workers in both: ratio new/old with
// an (unpaired) bootstrap interval and a Verdict; and view/changes.rs: that as a small table. API I call:
// analyse::rank(&mut Comparison, baseline: Option<usize>) (fills summaries, unranked, ranking), analyse::decided(&Comparison) -> bool,
// analyse::failure(&Run) -> Option<String> (why this run cannot be ranked), analyse::conclusion(&Comparison) -> Vec<String>,
// view::table(&Comparison, &TableOptions{width,color}), view::to_json, view::from_json, view::csv, view::markdown.
