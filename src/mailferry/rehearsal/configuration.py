"""The configuration of the gateway on the stage, as a person could have written it.

Leaves to others: filling it in (stage). Invariant: it passes `mailferry check`.
"""

from __future__ import annotations

HEAD = """\
# A gateway in front of `mailferry sandbox`: password-only clients in, OAuth out.
[gateway]
hostname = "localhost"
state = "{state}"
postmaster = "it@contoso.example"

[[listener]]
name = "submission"
address = "127.0.0.1:{submission}"
tls = "starttls"
authentication = "required"

[[listener]]
name = "old devices"
address = "127.0.0.1:{legacy}"
tls = "starttls"
minimum_tls = "{old_tls}"
authentication = "required"
bare_newlines = "repair"

[[listener]]
name = "by network"
address = "127.0.0.1:{plain}"
tls = "none"
authentication = "none"
networks = ["127.0.0.0/8"]

[[tenant]]
name = "contoso"
tenant_id = "{tenant}"
domains = ["contoso.example"]
client_id = "{client_id}"
secret = {{ file = "{secret}" }}
authority = "{authority}"
ca_file = "{ca}"

[[route]]
name = "exchange-online"
type = "exchange-smtp"
tenant = "contoso"
host = "localhost"
port = {smtp}
ca_file = "{ca}"

[[tenant]]
name = "contoso bulk"
tenant_id = "{tenant}"
domains = ["contoso.example"]
client_id = "{bulk_id}"
secret = {{ file = "{bulk_secret}" }}
authority = "{authority}"
ca_file = "{ca}"

[[route]]
name = "graph"
type = "graph"
tenant = "contoso"
endpoint = "{graph}"
ca_file = "{ca}"

[[route]]
name = "hve"
type = "hve"
tenant = "contoso bulk"
mailbox = "bulk@contoso.example"
host = "localhost"
port = {hve}
ca_file = "{ca}"

[[route]]
name = "acs"
type = "acs-smtp"
username = "mail-gateway"
password = {{ file = "{bulk_secret}" }}
mailbox = "donotreply@contoso.example"
host = "localhost"
port = {acs_smtp}
ca_file = "{ca}"

[[route]]
name = "connector"
type = "smarthost"
preset = "connector-certificate"
host = "localhost"
port = {mx}
ca_file = "{ca}"
certificate = "{relay_certificate}"

[[route]]
name = "exchange-server"
type = "smarthost"
preset = "exchange-relay"
host = "localhost"
port = {onprem}

[routing]
default_route = "exchange-online"

[[rule]]
clients = ["every way out"]
recipients = ["it@contoso.example"]
route = "graph"

[[rule]]
clients = ["every way out"]
recipients = ["ben@contoso.example"]
route = "hve"

[[rule]]
clients = ["every way out"]
recipients = ["*@fabrikam.example"]
route = "acs"

[[rule]]
clients = ["every way out"]
recipients = ["*@northwind.example"]
route = "connector"

[[rule]]
clients = ["every way out"]
recipients = ["*@tailspin.example"]
route = "exchange-server"

[metrics]
address = "127.0.0.1:{metrics}"
"""

#: What needs a package that not every installation has.
ACS_REST = """
[[route]]
name = "acs-rest"
type = "acs-rest"
endpoint = "{acs_rest}"
access_key = {{ file = "{acs_key}" }}
mailbox = "donotreply@contoso.example"
ca_file = "{ca}"
"""
ACS_REST_RULE = """
[[rule]]
clients = ["every way out"]
recipients = ["*@wingtip.example"]
route = "acs-rest"
"""

CLIENT = """
[[client]]
name = "{name}"
{identity}
senders = ["{sender}"]
recipients = "anywhere"
{more}
"""
