"""What may be configured, and where a value comes from.

A value is taken from the command line, else from the environment (`PM_REDIS__APPENDFSYNC` sets
`appendfsync` of `[redis]`; an empty variable counts as none), else from the TOML file, else from
the defaults below. One class stands for each section of the file. A setting exists only when
something acts on it; a new one is a field of its section's class and nothing else. A misspelt key
or `PM_` variable would leave a default in force unseen, so both are errors naming the nearest right
one. Every error is one line with the place, the key and the value. Passwords in URLs are not shown.
"""

from __future__ import annotations

import difflib
import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
)
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from pm.redis_url import check_redis_url, redact_url

DEFAULT_CONFIG = Path("config/portfolio.toml")

_CONFIG_VARIABLE = "PM_CONFIG"
_SHORT_VARIABLES = {"PM_REDIS_URL": "PM_REDIS__URL"}
_TEST_PREFIXES = ("PM_TEST_", "PM_REQUIRE_")  # the test suite's own; it runs commands beside them


class SettingsError(Exception):
    """The configuration is wrong; the text has one line for each fault."""


def _url(value: object) -> object:
    if isinstance(value, str):
        check_redis_url(value)
    return value


def _no_bool(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("must be a whole number")
    return value


def _table(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        raise ValueError('must be a JSON object like {"7": "main"}') from None


def _id(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,128}", value):
        raise ValueError("must be 1 to 128 of A-Z a-z 0-9 . _ -")
    return value


def _list(value: object) -> object:
    return (
        [part.strip() for part in value.split(",") if part.strip()]
        if isinstance(value, str)
        else value
    )


Id = Annotated[str, AfterValidator(_id)]
Ids = Annotated[tuple[Id, ...], BeforeValidator(_list)]
Count = Annotated[int, BeforeValidator(_no_bool), Field(ge=1)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RedisSettings(_Section):
    """The server that holds the books; without a url, a private one in the data folder."""

    url: Annotated[SecretStr | None, BeforeValidator(_url)] = None
    appendfsync: Literal["always", "everysec"] = "always"
    allow_no_persistence: bool = False
    sharded_updates: bool = False

    @property
    def target(self) -> str | None:
        """The URL with its password, for `pm.connect` only."""
        return None if self.url is None else self.url.get_secret_value()

    @property
    def shown(self) -> str | None:
        """The URL for people and logs, its password hidden."""
        return None if self.target is None else redact_url(self.target)


class BooksSettings(_Section):
    """Which book a strategy trades in."""

    default_book: Id = "main"
    strategies: Annotated[Mapping[Id, Id], BeforeValidator(_table)] = {}

    def book_of(self, strategy_id: str) -> str:
        """The book of a strategy: its row of the table, or the default book."""
        return self.strategies.get(strategy_id, self.default_book)

    @property
    def names(self) -> tuple[str, ...]:
        """Every book the configuration names, sorted."""
        return tuple(sorted({self.default_book, *self.strategies.values()}))


class GatewaySettings(_Section):
    """Where executions come from, and the outbox that keeps them until Redis has them."""

    socket_path: Path = Path("/tmp/torq/execution.sock")
    source: Id = "relay"
    lenient_checksum: bool = False
    accept_domain_2: bool = False
    strategy_from_order_id: bool = False
    outbox_path: Path | None = None
    outbox_retention_days: Count = 7
    max_in_flight_entries: Count = 100_000
    outbox_alarm_entries: Count = 100_000


class WorkersSettings(_Section):
    """How many workers `pm worker` starts, and how much one call applies."""

    count: Count = 2
    batch_max_entries: Count = 200
    lease_ms: Count = 1_000


class PortfolioManagerSettings(_Section):
    """What a book remembers, how often it is valued, and how long a query may wait."""

    max_positions: Count = 10_000
    seen_generation_size: Count = 1_000_000
    quarantine_max_entries: Count = 100_000
    mark_to_market_interval_seconds: Count = 60
    query_response_timeout_ms: Count = 1_000


class AttributionSettings(_Section):
    """What is recorded and shown to explain profit and loss."""

    track_temporary_positions: bool = True
    temporary_position_ttl_seconds: Count = 300
    enable_detailed_attribution: bool = True
    attribution_granularity: Literal["trade_level", "daily", "position_level"] = "trade_level"


class ValuationSettings(_Section):
    """In what currency figures are reported, and which marks are good enough for it."""

    reporting_currency: Id = "USD"
    hubs: Ids = ("USD", "USDT", "USDC", "BTC")
    mark_max_age_seconds: Count = 300
    assume_peg: Ids = ()


class RiskMetricsSettings(_Section):
    """Windows and levels of risk figures."""

    var_confidence_level: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    var_holding_period_days: Count = 1
    correlation_lookback_days: Count = 30
    volatility_window_days: Count = 30
    annualisation_days: Count = 365
    risk_free_rate: Annotated[float, Field(ge=0, lt=1)] = 0.0


class PerformanceSettings(_Section):
    """How a client's queries are cached and bounded."""

    enable_query_caching: bool = True
    query_cache_ttl_seconds: Count = 5
    position_cache_size: Count = 1_000
    max_concurrent_queries: Count = 100


class StorageSettings(_Section):
    """Where history goes that need not stay in memory, and when.

    Paths of None lie in the data folder (`Settings.archive_path`, `checkpoint_path`); without a
    `cold_path` nothing is moved there. `cold_path` is a folder or an fsspec URL.
    """

    archive_completed_trades: bool = True
    archive_compression: Literal["lz4", "zstd", "snappy", "gzip", "none"] = "lz4"
    archive_path: Path | None = None
    hot_data_retention_days: Count = 30
    cold_path: str | None = None
    cold_storage_transition_days: Count = 90
    checkpoint_path: Path | None = None
    checkpoint_interval_entries: Count = 20_000


class JobsSettings(_Section):
    """Where `pm jobs` keeps its queue, and how often the jobs run that no other section times.

    Without a url the queue lies on the server of the books, which must then be no cluster.
    """

    url: Annotated[SecretStr | None, BeforeValidator(_url)] = None
    archive_interval_seconds: Count = 3_600
    trace_expiry_interval_seconds: Count = 5
    retries_max: Annotated[int, BeforeValidator(_no_bool), Field(ge=0)] = 3

    @property
    def target(self) -> str | None:
        """The URL with its password, for connecting only."""
        return None if self.url is None else self.url.get_secret_value()


class MonitoringSettings(_Section):
    """What is measured, how often, where it is shown, and what is worth a line in the log."""

    emit_position_metrics: bool = True
    metrics_update_interval_seconds: Count = 10
    metrics_address: str = "127.0.0.1:9464"
    slow_query_threshold_ms: Count = 10
    slow_batch_threshold_ms: Count = 10
    position_reconciliation_interval_seconds: Count = 300
    log_format: Literal["text", "json"] = "text"


class Settings(BaseSettings):
    """Every setting, checked and frozen. `Settings()` is the defaults; see `load_settings`."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid")

    data: Path = Path(".pm")
    redis: RedisSettings = RedisSettings()
    books: BooksSettings = BooksSettings()
    gateway: GatewaySettings = GatewaySettings()
    workers: WorkersSettings = WorkersSettings()
    portfolio_manager: PortfolioManagerSettings = PortfolioManagerSettings()
    attribution: AttributionSettings = AttributionSettings()
    valuation: ValuationSettings = ValuationSettings()
    risk_metrics: RiskMetricsSettings = RiskMetricsSettings()
    performance: PerformanceSettings = PerformanceSettings()
    storage: StorageSettings = StorageSettings()
    jobs: JobsSettings = JobsSettings()
    monitoring: MonitoringSettings = MonitoringSettings()

    @property
    def outbox_path(self) -> Path:
        """The gateway's outbox: where the setting says, else in the data folder."""
        return self.gateway.outbox_path or self.data / "outbox.sqlite"

    @property
    def archive_path(self) -> Path:
        """The folder of the archive: where the setting says, else in the data folder."""
        return self.storage.archive_path or self.data / "archive"

    @property
    def checkpoint_path(self) -> Path:
        """The folder of checkpoints: where the setting says, else in the data folder."""
        return self.storage.checkpoint_path or self.data / "checkpoints"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what is passed in: `load_settings` reads every source, and nothing else may."""
        return (init_settings,)


def load_settings(
    config_path: Path | None,
    environ: Mapping[str, str],
    overrides: Mapping[str, object] | None = None,
) -> Settings:
    """The settings in force; SettingsError lists every fault.

    `config_path` is what `--config` names and must exist, as must what `PM_CONFIG` names; without
    either, config/portfolio.toml is read if it is there. `overrides` are the command line's, by
    dotted name ("redis.url"); None means the option was not given.
    """
    places: dict[str, str] = {}
    values: dict[str, Any] = {}
    file, table = _read_file(config_path, environ)
    for name, value in _leaves(table):
        _place(values, places, name, value, str(file))
    for name, value, variable in _read_environment(environ):
        _place(values, places, name, value, variable)
    for name, value in (overrides or {}).items():
        if value is not None:
            _place(values, places, name, value, "command line")
    try:
        return Settings(**values)
    except ValidationError as error:
        lines = [_line(fault, places) for fault in error.errors(include_url=False)]
        raise SettingsError("\n".join(lines)) from None


def setting_names() -> tuple[str, ...]:
    """The dotted name of every setting, section by section."""
    names: list[str] = []
    for name, field in Settings.model_fields.items():
        if isinstance(field.default, _Section):
            names += [f"{name}.{inner}" for inner in type(field.default).model_fields]
        else:
            names.append(name)
    return tuple(names)


def _read_file(given: Path | None, environ: Mapping[str, str]) -> tuple[Path, dict[str, Any]]:
    named = given or (Path(environ[_CONFIG_VARIABLE]) if environ.get(_CONFIG_VARIABLE) else None)
    file = named or DEFAULT_CONFIG
    if named is None and not file.exists():
        return file, {}
    if not file.is_file():
        origin = "--config" if given else _CONFIG_VARIABLE
        raise SettingsError(f"{origin}: there is no file {file}")
    try:
        return file, dict(TomlConfigSettingsSource(Settings, toml_file=file)())
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{file}: not valid TOML: {error}") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{file}: not valid TOML: it is not UTF-8 text") from None
    except OSError as error:
        raise SettingsError(f"{file}: cannot be read: {error.strerror}") from None


def _leaves(table: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        name = above + key
        if isinstance(value, dict) and value and name not in setting_names():
            yield from _leaves(value, f"{name}.")
        else:
            yield name, value


def _read_environment(environ: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """(setting, value, variable) for each variable that sets one."""
    known = {f"PM_{name.upper().replace('.', '__')}": name for name in setting_names()}
    short = {short: known[full] for short, full in _SHORT_VARIABLES.items()}
    taken = {**known, **short}
    faults = [_unknown_variable(name, taken) for name in sorted(environ) if _is_ours(name, taken)]
    for name, full in _SHORT_VARIABLES.items():
        if environ.get(name) and environ.get(full) and environ[name] != environ[full]:
            faults.append(f"{name} and {full} differ: set one of them")
    if faults:
        raise SettingsError("\n".join(faults))
    for variable, name in taken.items():
        if environ.get(variable):
            yield name, environ[variable], variable


def _is_ours(variable: str, taken: Mapping[str, str]) -> bool:
    ours = variable.startswith("PM_") and not variable.startswith(_TEST_PREFIXES)
    return ours and variable not in taken and variable != _CONFIG_VARIABLE


def _unknown_variable(variable: str, taken: Mapping[str, str]) -> str:
    near = difflib.get_close_matches(variable, [*taken, _CONFIG_VARIABLE], 1, 0.5)
    return f"{variable}: no such setting" + (f"; did you mean {near[0]}?" if near else "")


def _place(
    values: dict[str, Any], places: dict[str, str], name: str, value: object, place: str
) -> None:
    *sections, last = name.split(".")
    table = values
    for section in sections:
        inner = table.get(section, {})
        if not isinstance(inner, dict):
            return  # the file has a plain value where a section belongs: reported when validated
        table[section] = inner
        table = inner
    table[last] = value
    places[name] = place


def _line(fault: Any, places: Mapping[str, str]) -> str:
    name = ".".join(str(part) for part in fault["loc"] if part != "[key]")
    place = next((found for key, found in places.items() if f"{name}.".startswith(f"{key}.")), "")
    if fault["type"] == "extra_forbidden":
        place = next((places[key] for key in places if f"{key}.".startswith(f"{name}.")), place)
        return f"{place}: no such setting: {name}; {_nearest(name)}"
    value = fault["input"]
    secret = isinstance(value, str) and (name in ("redis.url", "jobs.url") or "://" in value)
    shown = redact_url(value) if secret else value
    text = str(fault["msg"]).removeprefix("Value error, ").replace("Input should be", "must be")
    if fault["type"] == "model_type":
        text = f"must be a table: write [{name}]"
    return f"{place}: {name} = {shown!r:.100}: {text}"


def _nearest(name: str) -> str:
    sections = list(Settings.model_fields)
    candidates = [*setting_names(), *sections]
    by_last = {candidate.rpartition(".")[2]: candidate for candidate in candidates}
    near = difflib.get_close_matches(name, candidates, 1, 0.7)
    if not near:
        last = difflib.get_close_matches(name.rpartition(".")[2], by_last, 1, 0.75)
        near = [by_last[key] for key in last]
    if near:
        return f"did you mean {near[0]}?"
    section = name.partition(".")[0]
    inside = [
        known.partition(".")[2] for known in setting_names() if known.startswith(f"{section}.")
    ]
    return f"[{section}] has {', '.join(inside)}" if inside else f"sections: {', '.join(sections)}"
