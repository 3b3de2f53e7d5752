"""The pages of sign-in as HTML: the device's code, the account, the consent, what came of it.

Leaves to others: what follows from a form (sign_in). Invariant: nothing that was sent reaches a page unescaped; the
policy sent along lets a form go to the sandbox and to loopback addresses only, and runs no script but the one line
that sends a form on.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from html import escape

from aiohttp import web

from mailferry.sandbox.aadsts import GrantRefused
from mailferry.sandbox.scopes import Permission
from mailferry.sandbox.tenant import Application, Mailbox, Tenant

STYLE = "/sign-in/style.css"
DEVICE = "/devicelogin"
ACCOUNT = "/sign-in/account"
CONSENT = "/sign-in/consent"

HEADERS = {
    # Chromium holds redirects after a form to form-action too: the application listens on a loopback address.
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; "
        "form-action 'self' http://localhost:* http://127.0.0.1:*"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}

_SEND = "document.forms[0].submit()"

#: What a permission lets an application do, as consent pages say it.
_MEANING = {
    "SMTP.Send": "Send mail as you by SMTP",
    "Mail.Send": "Send mail as you",
    "Mail.Send.Shared": "Send mail on behalf of others",
    "Mail.ReadWrite": "Read and write your mail",
    "Mail.Read": "Read your mail",
    "User.Read": "Read your profile",
}


def page(title: str, body: str, status: int = 200) -> web.Response:
    text = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{escape(title)}</title><link rel="stylesheet" href="{STYLE}"></head><body><main>'
        '<p class="badge">Sandbox sign-in. No password is asked for, and none belongs here.</p>'
        f"<h1>{escape(title)}</h1>{body}</main></body></html>"
    )
    return web.Response(text=text, content_type="text/html", status=status, headers=HEADERS)


def ask_code(error: str = "") -> web.Response:
    said = f'<p class="error" role="alert">{escape(error)}</p>' if error else ""
    return page(
        "Enter code",
        f'{said}<form method="post" action="{DEVICE}"><p><label for="otc">Enter the code that your app or device'
        ' shows</label></p><p><input type="text" id="otc" name="otc" autocomplete="off" maxlength="20" required'
        ' autofocus></p><button class="act">Next</button></form>',
        400 if error else 200,
    )


def ask_account(tenant: Tenant, application: Application, flow: str, hint: str) -> web.Response:
    """Everybody who has a mailbox; the one that was hinted at first."""
    boxes = sorted(tenant.mailboxes.values(), key=lambda box: (hint.lower() not in box.addresses, box.address))
    buttons = "".join(_account(box, hint) for box in boxes)
    return page(
        "Pick an account",
        f"<p>to continue to <strong>{escape(application.name)}</strong></p>"
        f'<form method="post" action="{ACCOUNT}">{_hidden("flow", flow)}{buttons}</form>',
    )


def _account(box: Mailbox, hint: str) -> str:
    marked = " hint" if hint and hint.lower() in box.addresses else ""
    address = escape(box.address)
    return (
        f'<button class="account{marked}" name="user" value="{address}">{escape(box.display_name)}'
        f"<small>{address}</small></button>"
    )


def ask_consent(
    application: Application, user: Mailbox, flow: str, permissions: Iterable[Permission], *, device: bool
) -> web.Response:
    """The one question left: the permissions, or only whether it is this application (V: device code)."""
    items = "".join(f"<li>{escape(_MEANING.get(one.name, one.name))} ({escape(one.full)})</li>" for one in permissions)
    wants = f"<p>It asks for:</p><ul>{items}<li>Keep this access while you are away</li></ul>" if items else ""
    title = "Permissions requested" if items else f"Are you trying to sign in to {application.name}?"
    warning = "<p>Only continue if you started this on a device of yours.</p>" if device else ""
    return page(
        title,
        f"<p><strong>{escape(application.name)}</strong> for {escape(user.address)}</p>{wants}{warning}"
        f'<form method="post" action="{CONSENT}">{_hidden("flow", flow)}{_hidden("user", user.address)}'
        '<button class="act" name="decision" value="accept">Accept</button>'
        '<button class="act second" name="decision" value="cancel">Cancel</button></form>',
    )


def done(application: Application, *, approved: bool) -> web.Response:
    if approved:
        text = f"<p>You have signed in to {escape(application.name)} on your device. You may now close this window.</p>"
        return page("Signed in", text)
    text = f"<p>{escape(application.name)} was not given access. You may now close this window.</p>"
    return page("Sign-in was cancelled", text)


def refused(error: GrantRefused) -> web.Response:
    """A refusal that has nowhere to go but to the person."""
    number = error.kind.number
    return page(
        "Sorry, but we're having trouble signing you in.",
        f'<p class="error" role="alert">AADSTS{number}: {escape(error.sentence)}</p>',
        error.kind.status,
    )


def post_on(address: str, fields: dict[str, str]) -> web.Response:
    """response_mode=form_post: a form that sends itself, or by its button where scripts are off."""
    inputs = "".join(_hidden(name, value) for name, value in fields.items())
    form = f'<form method="post" action="{escape(address)}">{inputs}<button class="act">Continue</button></form>'
    answer = page("Working...", f"{form}<script>{_SEND}</script>")
    digest = base64.b64encode(hashlib.sha256(_SEND.encode()).digest()).decode()
    answer.headers["Content-Security-Policy"] += f"; script-src 'sha256-{digest}'"
    return answer


def _hidden(name: str, value: str) -> str:
    return f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
