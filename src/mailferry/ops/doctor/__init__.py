"""The doctor: looks at a configuration and all it depends on; says what is wrong, why and who can cure it."""
