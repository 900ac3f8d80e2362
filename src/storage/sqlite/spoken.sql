-- Version 2: messages that were spoken keep what was said, word by word.
ALTER TABLE messages ADD COLUMN verbatim TEXT;
