"""A vendor's announcement read into facts, compared with the schedule, written as a notice in English and Japanese."""
