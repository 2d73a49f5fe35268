"""Where documents come from: folders, archives and mailboxes, brought to a service by its client."""
