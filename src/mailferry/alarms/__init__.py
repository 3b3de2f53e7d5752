"""Alarms by another route than mail: Teams and other webhooks, syslog, a command. Others use `api` alone."""
