"""The subcommands of `minibert`: each module adds its arguments and runs them; nothing else imports these."""
