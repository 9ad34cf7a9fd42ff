//! Where a result was measured, and where a contestant was, which may be another place or none.

use alloc::string::String;

use serde::{Deserialize, Serialize};

use super::processors::{Processors, Quota};

/// Where it was measured. Two results compare only where `id` is equal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// A hash over what follows except the kernel's version.
    pub id: String,
    pub cpu: String,
    /// Processors that this process may use: those of its affinity mask, which a cpuset narrows.
    pub cores: u32,
    /// How much of their time its control group allows; `None`: all, or the result was saved before
    /// this was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota: Option<Quota>,
    pub memory_bytes: u64,
    pub kernel: String,
    pub architecture: String,
    /// `kvm`, `docker`, …; `None`: nothing of the kind was seen.
    pub virtualization: Option<String>,
}

impl Machine {
    /// What the work may use of it.
    pub fn processors(&self) -> Processors {
        Processors { count: self.cores, quota: self.quota }
    }
}

/// Where the runs of a contestant were.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Site {
    /// On the machine of the result.
    #[default]
    Here,
    /// Measured on another machine.
    Remote(Machine),
    /// Nowhere: its figures were computed from what is known of such a machine.
    Simulated(Machine),
}

impl Site {
    /// Whether its figures were measured on the machine of the result.
    pub fn is_here(&self) -> bool {
        *self == Self::Here
    }

    /// In a word.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Here => "here",
            Self::Remote(_) => "remote",
            Self::Simulated(_) => "simulated",
        }
    }

    /// What a name is followed by, so that nobody takes its figures for measured ones of here.
    pub fn mark(&self) -> &'static str {
        match self {
            Self::Here => "",
            Self::Remote(_) => " (remote)",
            Self::Simulated(_) => " (simulated)",
        }
    }
}
