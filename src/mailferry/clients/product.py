"""One product of the knowledge base: what it is, how it shows, whether it can do OAuth, what helps if not.

Leaves to others: reading the data (base) and matching (recognise). Invariant: plain frozen values; a product without a
source cannot be loaded, and what nobody verified is UNKNOWN, never NO.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from mailferry.clients.signs import Kind
from mailferry.m365.facts import Source, Text

NO_TEXT = Text("", "")


class Category(StrEnum):
    """What kind of thing it is."""

    PRINTER = "printer"
    SCANNER = "scanner"
    NAS = "nas"
    UPS = "ups"
    CAMERA = "camera"
    NETWORK = "network"
    HARDWARE = "hardware"
    BACKUP = "backup"
    MONITORING = "monitoring"
    ERP = "erp"
    CRM = "crm"
    APPLICATION = "application"
    LIBRARY = "library"
    MTA = "mta"
    MAIL_PROGRAM = "mail-program"

    def label(self, language: str) -> str:
        """The category as people read it."""
        return _CATEGORIES[self][1 if language == "ja" else 0]


_CATEGORIES = {
    Category.PRINTER: ("printer, copier", "プリンター・複合機"),
    Category.SCANNER: ("scanner", "スキャナー"),
    Category.NAS: ("storage (NAS)", "ストレージ (NAS)"),
    Category.UPS: ("UPS", "UPS"),
    Category.CAMERA: ("camera, recorder", "カメラ・録画装置"),
    Category.NETWORK: ("network device", "ネットワーク機器"),
    Category.HARDWARE: ("server hardware", "サーバー ハードウェア"),
    Category.BACKUP: ("backup", "バックアップ"),
    Category.MONITORING: ("monitoring", "監視"),
    Category.ERP: ("business system", "業務システム"),
    Category.CRM: ("service desk, CRM", "サービスデスク・CRM"),
    Category.APPLICATION: ("application", "アプリケーション"),
    Category.LIBRARY: ("library, script", "ライブラリ・スクリプト"),
    Category.MTA: ("mail server, relay", "メール サーバー・中継"),
    Category.MAIL_PROGRAM: ("mail program", "メール ソフト"),
}


class Answer(StrEnum):
    """Whether it can."""

    YES = "yes"
    PARTIAL = "partial"  # some models or versions only, or somebody else must fetch the token
    NO = "no"
    UNKNOWN = "unknown"

    def label(self, language: str) -> str:
        """The answer as people read it."""
        return _ANSWERS[self][1 if language == "ja" else 0]


_ANSWERS = {
    Answer.YES: ("yes", "対応"),
    Answer.PARTIAL: ("in part", "一部対応"),
    Answer.NO: ("no", "非対応"),
    Answer.UNKNOWN: ("not known", "不明"),
}


class Flow(StrEnum):
    """How it gets its token (OAuth grants)."""

    AUTH_CODE = "auth-code"
    DEVICE_CODE = "device-code"
    CLIENT_CREDENTIALS = "client-credentials"

    def label(self, language: str) -> str:
        """The grant as people read it."""
        return _FLOWS[self][1 if language == "ja" else 0]


_FLOWS = {
    Flow.AUTH_CODE: ("sign-in in a browser (authorization code)", "ブラウザーでのサインイン（承認コード）"),
    Flow.DEVICE_CODE: ("code shown by the device (device code)", "機器に表示されるコード（デバイス コード）"),
    Flow.CLIENT_CREDENTIALS: (
        "application's own identity (client credentials)",
        "アプリ自身の ID（クライアント資格情報）",
    ),
}


class Fallback(StrEnum):
    """What carries it when it cannot do OAuth."""

    GATEWAY = "gateway"
    GRAPH = "graph"
    HYBRID = "hybrid"
    DIRECT_SEND = "direct-send"
    HVE = "hve"
    ACS = "acs"

    def label(self, language: str) -> str:
        """The way as people read it."""
        return _FALLBACKS[self][1 if language == "ja" else 0]


_FALLBACKS = {
    Fallback.GATEWAY: ("Mailferry", "Mailferry"),
    Fallback.GRAPH: ("Microsoft Graph", "Microsoft Graph"),
    Fallback.HYBRID: ("on-premises Exchange", "オンプレミスの Exchange"),
    Fallback.DIRECT_SEND: ("direct send", "ダイレクト センド"),
    Fallback.HVE: ("High Volume Email", "High Volume Email"),
    Fallback.ACS: ("Azure Communication Services", "Azure Communication Services"),
}


class Confidence(StrEnum):
    """How well a fact is founded: a first-hand document or source code; second hand or derived; an assumption."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"

    def label(self, language: str) -> str:
        """The confidence as people read it."""
        return _CONFIDENCES[self][1 if language == "ja" else 0]


_CONFIDENCES = {
    Confidence.HIGH: ("well documented", "一次資料あり"),
    Confidence.MEDIUM: ("second-hand or derived", "二次資料または推定"),
    Confidence.LOW: ("not verified", "未確認"),
}


class Weight(StrEnum):
    """Whether a sign may decide."""

    STRONG = "strong"
    WEAK = "weak"  # only supports what a strong one says


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """One sign to look for. `pattern` is a regular expression (patterns) or, with `literal`, a text that the value
    contains in any case; "" takes any value of the field. `header` names the field for Kind.HEADER, lower case."""

    kind: Kind
    weight: Weight
    pattern: str
    example: str = ""
    header: str = ""
    literal: bool = False


@dataclass(frozen=True, slots=True)
class OAuth:
    """What is known of its OAuth: over SMTP to Exchange Online, and of a Graph sender of its own."""

    smtp: Answer
    graph: Answer
    confidence: Confidence
    since: Text = NO_TEXT  # the first version that can
    flows: tuple[Flow, ...] = ()


@dataclass(frozen=True, slots=True)
class Family:
    """Products that show the same signs, or one product that is alone. `settle` says what tells them apart."""

    id: str
    name: Text
    settle: Text = NO_TEXT


@dataclass(frozen=True, slots=True)
class Product:
    """One entry. `uses` names the library or product under it, whose signs it may show too; "" for none."""

    id: str
    name: Text
    vendor: str
    category: Category
    family: str
    uses: str
    fingerprints: tuple[Fingerprint, ...]
    founded: Confidence  # of the fingerprints
    oauth: OAuth
    setup: Text  # what its owner does
    note: Text  # what to know about these facts
    fallbacks: tuple[Fallback, ...]  # best first
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class Remark:
    """What a sign says that is not about a product: it names the way of signing in, or nobody."""

    id: str
    fingerprint: Fingerprint
    text: Text
    source: Source
