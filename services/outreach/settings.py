"""Settings of outreach."""

from datetime import time, timedelta
from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from libs.runtime.settings import BaseSettings
from services.outreach.domain.decide import Policy
from services.outreach.domain.incidents import Limits
from services.outreach.domain.messages import MessagePolicy, QuietHours

_HERE = Path(__file__).parent


class OutreachSettings(BaseSettings):
    """Playbooks, people and messages. Prefix OUTREACH_."""

    model_config = SettingsConfigDict(
        env_prefix="OUTREACH_", env_ignore_empty=True, frozen=True, extra="ignore"
    )

    port: int = Field(8083, ge=1, le=65535, description="HTTP port: console, API, health")
    public_url: str = Field("", description="Address customers reach us at; empty: http://<host>:<port>")
    shop: str = Field("The shop", description="The shop's name in messages")
    sender: str = Field("success@shop.example", description="From address of messages")

    smtp_host: str = Field("127.0.0.1", description="SMTP server")
    smtp_port: int = Field(1025, ge=1, le=65535, description="SMTP port")
    smtp_user: str = Field("", description="SMTP user; empty: no sign-in")
    smtp_password: SecretStr = Field(SecretStr(""), description="SMTP password")
    smtp_starttls: bool = Field(False, description="Require STARTTLS")
    smtp_timeout_s: float = Field(10.0, gt=0, description="Longest wait for one SMTP command, s")
    smtp_connections: int = Field(2, ge=1, le=32, description="Messages sent at a time")

    holdout: float = Field(0.10, ge=0, le=0.9, description="Share held out of each playbook")
    programme_holdout: float = Field(0.05, ge=0, le=0.5, description="Share held out of all playbooks")
    frequency_cap_days: int = Field(
        14, ge=0, description="One new intervention a customer in this time, days"
    )
    message_cap: int = Field(3, ge=1, description="Marketing messages a customer in message_cap_days")
    message_cap_days: int = Field(7, ge=1, description="Window of message_cap, days")
    send_ceiling: int = Field(20_000, ge=0, description="Messages a day in all; 0: no ceiling")
    quiet_start: time = Field(time(21), description="Quiet hours begin, customer's time")
    quiet_end: time = Field(time(8), description="Quiet hours end, customer's time")
    timezone: str = Field("UTC", description="Time zone of customers whose own is not known")
    allowlist: str = Field("", description="Addresses or domains that may get mail, by comma; empty: all")
    kill_switch: bool = Field(False, description="Open nothing and send nothing")
    close_grace_days: int = Field(2, ge=0, description="Wait for late orders after a window ends, days")

    incident_window_hours: int = Field(24, ge=1, le=168, description="Firings are compared over this time, h")
    incident_least: int = Field(10, ge=3, description="Customers with a common cause that make an incident")
    incident_lift: float = Field(
        3.0, ge=1, description="Times as likely to fire as without the cause, for an incident"
    )
    incident_chance: float = Field(
        0.001, gt=0, lt=1, description="False alarms of one rule in one window, at most"
    )

    playbooks: Path | None = Field(None, description="Folder of playbooks (*.yaml); empty: those that ship")
    templates: Path | None = Field(None, description="Folder of e-mail templates; empty: those that ship")
    team: Path | None = Field(None, description="File of who does the tasks; empty: the one that ships")

    poll_s: float = Field(0.2, ge=0.05, description="Wall time between looks at timers and outbox, s")
    batch: int = Field(500, ge=1, le=5000, description="Triggers, timers or events in one transaction")
    outbox_keep_days: int = Field(7, ge=1, description="Sent outbox rows are removed after this, wall days")

    @property
    def playbooks_folder(self) -> Path:
        return self.playbooks or _HERE / "playbooks"

    @property
    def templates_folder(self) -> Path:
        return self.templates or _HERE / "templates" / "email"

    @property
    def team_file(self) -> Path:
        return self.team or _HERE / "team.yaml"

    def policy(self) -> Policy:
        return Policy(
            frequency_cap=timedelta(days=self.frequency_cap_days),
            programme_share=self.programme_holdout,
            playbook_share=self.holdout,
            kill_switch=self.kill_switch,
        )

    def incident_limits(self) -> Limits:
        return Limits(
            window=timedelta(hours=self.incident_window_hours),
            least=self.incident_least,
            lift=self.incident_lift,
            chance=self.incident_chance,
        )

    def message_policy(self) -> MessagePolicy:
        return MessagePolicy(
            cap=self.message_cap,
            cap_window=timedelta(days=self.message_cap_days),
            quiet=QuietHours(self.quiet_start, self.quiet_end, self.timezone),
            allowlist=frozenset(
                part.strip().casefold() for part in self.allowlist.split(",") if part.strip()
            ),
            kill_switch=self.kill_switch,
        )
