"""One kernel for each rule, in a file of the rule's name."""
