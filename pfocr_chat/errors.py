"""Every error a caller can meet.

PfocrChatError                    one plain sentence: what, which one, what to do next
├── ConfigError                   a setting is unknown or out of range
├── QuestionError                 a question is empty or too long
├── CorpusError                   a folder of records cannot be used
│   └── RecordError               one file cannot be read (``path``, ``reason``); never stops a run
├── VectorstoreError              the index cannot be used
│   ├── NoIndexError              there is none yet
│   ├── IndexMismatchError        it was built with another embedder or format
│   ├── CorruptIndexError         it is damaged
│   ├── IndexBusyError            another process is writing it
│   └── ChromaServerError         the server with its vectors cannot be used, or lacks some
├── EmbedderError                 the embedding model is missing or not the expected file
├── RerankerError                 the cross-encoder is missing or is not one
├── LlmError                      the language model failed while answering
│   └── LlmUnavailableError       it cannot be opened: a key, package or file is missing
├── PromptError                   a prompt file is missing or has the wrong variables
├── EvaluationError               a file of questions cannot be used
├── FeedbackError                 what is said of an answer cannot be kept or read
├── SlackError                    Slack refuses something or cannot be reached, or the bot cannot run
└── SyncError                     the copy of the database cannot be made or brought up to date
"""

from __future__ import annotations

from pathlib import Path


class PfocrChatError(Exception):
    """Base of all errors raised by this package; ``str()`` is fit to show to a user."""


class ConfigError(PfocrChatError):
    """A setting is unknown or out of range; the message names it."""


class QuestionError(PfocrChatError):
    """A question is empty or too long to be answered."""


class CorpusError(PfocrChatError):
    """A folder of records is missing, empty or unreadable."""


class RecordError(CorpusError):
    """One record file cannot be read.

    ``path`` is the file and ``reason`` says why in a few words.
    """

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


class VectorstoreError(PfocrChatError):
    """The index cannot be used."""


class NoIndexError(VectorstoreError):
    """No index has been built in the folder."""


class IndexMismatchError(VectorstoreError):
    """The index was built with another embedder, passage format or version."""


class CorruptIndexError(VectorstoreError):
    """The index is damaged or incomplete."""


class IndexBusyError(VectorstoreError):
    """Another process is writing the index."""


class ChromaServerError(VectorstoreError):
    """A Chroma server does not answer, refuses, or does not hold the vectors of the index."""


class EmbedderError(PfocrChatError):
    """The embedding model is missing, or is not the file it should be."""


class RerankerError(PfocrChatError):
    """The cross-encoder that ranks anew is missing, or is not one."""


class LlmError(PfocrChatError):
    """The language model failed while answering."""


class LlmUnavailableError(LlmError):
    """The language model cannot be opened; the message names the missing key, package or file."""


class PromptError(PfocrChatError):
    """A prompt file is missing, malformed, or does not have the variables it must have."""


class EvaluationError(PfocrChatError):
    """A file of evaluation questions cannot be used."""


class FeedbackError(PfocrChatError):
    """What is said of an answer cannot be kept or read."""


class SlackError(PfocrChatError):
    """Slack refuses something or cannot be reached, or the bot cannot run."""


class SyncError(PfocrChatError):
    """The copy of the PFOCR database cannot be made or brought up to date; what is there stays usable."""
