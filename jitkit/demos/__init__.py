"""One runnable file per part of jitkit: `jitkit demo` runs them all."""
