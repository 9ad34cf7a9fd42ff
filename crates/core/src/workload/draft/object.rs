//! What tasks share: resources, channels, variables and servers.

use alloc::format;
use alloc::vec::Vec;

use maitred_wire as wire;

use super::super::ast::{self, Object};
use super::super::limits::{CAPACITY_MAX, SERVER_WORKERS_MAX};
use super::super::quantity::nearest;
use super::super::shape::list;
use super::super::syntax::Value;
use super::Drafter;
use super::server::{ARCHITECTURES, Server};

impl Drafter<'_> {
    pub(super) fn objects(&mut self) {
        let workload = self.workload;
        for resource in &workload.resources {
            let capacity = self.capacity(resource);
            self.draft
                .resources
                .push(wire::Resource { name: resource.name.text.clone(), capacity });
        }
        for channel in &workload.channels {
            let capacity = self.capacity(channel);
            self.draft.channels.push(wire::Channel { name: channel.name.text.clone(), capacity });
        }
        for var in &workload.vars {
            let number = var.number.as_ref();
            let initial = number
                .and_then(|value| self.values.integer(value, "a variable", i64::MIN..=i64::MAX));
            self.draft.vars.push(wire::Var {
                name: var.name.text.clone(),
                initial: initial.unwrap_or_default(),
            });
        }
        for server in &workload.servers {
            self.server(server);
        }
    }

    /// A capacity: 1 where it is not given; where it is wrong, one in which no `hold` gets stuck.
    fn capacity(&mut self, object: &Object) -> u32 {
        let Some(value) = &object.number else { return 1 };
        let capacity = self.values.integer(value, "a capacity", 1..=CAPACITY_MAX as i64);
        capacity.map_or(u32::MAX, |capacity| capacity as u32)
    }

    fn server(&mut self, server: &ast::Server) {
        let architecture = server.strategy.as_ref().and_then(|value| {
            let text = self.values.text(value, "a strategy")?;
            let known = ARCHITECTURES.into_iter().find(|name| *name == text);
            if known.is_none() {
                let help = match nearest(&text, ARCHITECTURES) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("there are {}", list(&ARCHITECTURES)),
                };
                let message = format!("a server has no strategy `{text}`");
                self.mistake(&value.span, message, Some(help));
            }
            known
        });
        let workers = server.workers.as_ref().and_then(|value| {
            let most = i64::from(SERVER_WORKERS_MAX);
            self.values.integer(value, "`workers`", 1..=most).map(|workers| workers as u32)
        });
        let delay = server.delay.as_ref().and_then(|value| self.values.duration(value));
        let requests_max = server.max_requests.as_ref().and_then(|value| {
            self.values.integer(value, "`max-requests`", 1..=i64::MAX).map(|number| number as u64)
        });
        let memory_max = server.max_memory.as_ref().and_then(|value| self.values.size(value));
        let others = server.strategy.is_none() || architecture.is_some_and(|it| it != "processes");
        if others && let Some(limit) = server.max_requests.as_ref().or(server.max_memory.as_ref()) {
            let message = "only a server of processes can replace a worker";
            let help = "say strategy=\"processes\", or take the limit away".into();
            self.mistake(&limit.span, message, Some(help));
        }
        // `None`: the strategy is not known, or not said, and then it is `threads`.
        let alone = ["sequential", "threads", "event-loop"];
        let has_no_pool = architecture.map_or(server.strategy.is_none(), |it| alone.contains(&it));
        if has_no_pool && let Some(workers) = &server.workers {
            let name = architecture.unwrap_or("threads");
            let message = format!("a server of strategy `{name}` takes no number of workers");
            let help =
                "say strategy=\"thread-pool\", \"processes\" or \"async-pool\", or take it away";
            self.mistake(&workers.span, message, Some(help.into()));
        }
        self.draft.servers.push(Server {
            name: server.name.text.clone(),
            architecture: architecture.unwrap_or("threads"),
            workers,
            delay_ns: delay.map_or(0, |delay| delay.0),
            requests_max,
            memory_max,
        });
    }

    /// A resource, variable or channel by its name: its index, and the name as declared.
    pub(super) fn object<'o>(
        &mut self,
        value: &Value,
        what: &str,
        known: &'o [Object],
    ) -> Option<(u32, &'o str)> {
        let name = self.values.text(value, &format!("the {what}"))?;
        if let Some(index) = known.iter().position(|object| object.name.text == name) {
            return Some((index as u32, &known[index].name.text));
        }
        let names: Vec<&str> = known.iter().map(|object| object.name.text.as_str()).collect();
        let help = match nearest(&name, names.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => {
                let declared = match what {
                    "resource" => format!("resource \"{name}\" capacity=1"),
                    "channel" => format!("channel \"{name}\" capacity=10"),
                    _ => format!("var \"{name}\" 0"),
                };
                format!("declare it at the top: {declared}")
            }
        };
        self.mistake(&value.span, format!("unknown {what} `{name}`"), Some(help));
        None
    }
}
