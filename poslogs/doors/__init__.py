"""The tools' doors: one for each kind of caller."""
