"""The shapes of Interactions events, for type checkers (PROTOCOL c).

Plain dicts at run time: nothing is validated, unknown keys stay, and events, steps and deltas of
types that are not named here come as well. Which keys an event has is told by its `event_type`, a
step's or a delta's by its `type`. Source: <https://ai.google.dev/api/interactions-api>.
"""

from typing import Any, Literal, NotRequired, TypedDict

__all__ = [
    "Annotation",
    "AnnotationDelta",
    "ArgumentsDelta",
    "Content",
    "Delta",
    "Error",
    "ErrorEvent",
    "FunctionCall",
    "FunctionResult",
    "Interaction",
    "InteractionCompleted",
    "InteractionCreated",
    "InteractionStatusUpdate",
    "InteractionsEvent",
    "MediaContent",
    "MediaDelta",
    "ModalityTokens",
    "ModelOutput",
    "Step",
    "StepDelta",
    "StepStart",
    "StepStop",
    "TextContent",
    "TextDelta",
    "Thought",
    "ThoughtSignatureDelta",
    "ThoughtSummaryDelta",
    "ToolCall",
    "ToolDelta",
    "ToolResult",
    "Usage",
    "UserInput",
]


class ModalityTokens(TypedDict):
    """Tokens of one modality: `text`, `image`, `audio`, `video`, `document`."""

    modality: str
    tokens: int


class Usage(TypedDict, total=False):
    """Token counts, cumulative for the whole interaction."""

    total_tokens: int
    total_input_tokens: int
    total_output_tokens: int
    total_thought_tokens: int
    total_cached_tokens: int
    total_tool_use_tokens: int
    input_tokens_by_modality: list[ModalityTokens]
    output_tokens_by_modality: list[ModalityTokens]
    cached_tokens_by_modality: list[ModalityTokens]
    tool_use_tokens_by_modality: list[ModalityTokens]


class Error(TypedDict, total=False):
    """What the server says went wrong; `code` is a word or a number."""

    code: str | int
    message: str
    status: str


class Annotation(TypedDict, total=False):
    """What a text rests on; indexes count bytes of UTF-8 in that text, the end excluded."""

    type: str
    url: str
    title: str
    start_index: int
    end_index: int


class TextContent(TypedDict):
    """A text."""

    type: Literal["text"]
    text: str
    annotations: NotRequired[list[Annotation]]


class MediaContent(TypedDict):
    """An image, audio, video or document: `data` is base64, `uri` a place to get it from."""

    type: Literal["image", "audio", "video", "document"]
    mime_type: NotRequired[str]
    data: NotRequired[str]
    uri: NotRequired[str]
    sample_rate: NotRequired[int]
    channels: NotRequired[int]


Content = TextContent | MediaContent


class UserInput(TypedDict):
    """A step of the user."""

    type: Literal["user_input"]
    content: list[Content]


class ModelOutput(TypedDict):
    """A step of the answer."""

    type: Literal["model_output"]
    content: NotRequired[list[Content]]


class Thought(TypedDict):
    """A step of thinking; its signature must be sent back unchanged."""

    type: Literal["thought"]
    summary: NotRequired[list[Content]]
    signature: NotRequired[str]


class FunctionCall(TypedDict):
    """A call that waits for its result; the arguments are a string where they are no JSON."""

    type: Literal["function_call"]
    id: str
    name: str
    arguments: dict[str, Any]
    signature: NotRequired[str]


class FunctionResult(TypedDict):
    """The result of a call."""

    type: Literal["function_result"]
    call_id: str
    result: Any
    name: NotRequired[str]
    is_error: NotRequired[bool]


class ToolCall(TypedDict):
    """A call of a tool that runs at the server."""

    type: Literal[
        "code_execution_call",
        "google_search_call",
        "url_context_call",
        "google_maps_call",
        "file_search_call",
        "mcp_server_tool_call",
        "retrieval_call",
        "tool_search_call",
        "processing_call",
    ]
    id: str
    arguments: NotRequired[dict[str, Any]]
    signature: NotRequired[str]


class ToolResult(TypedDict):
    """The result of a tool that ran at the server."""

    type: Literal[
        "code_execution_result",
        "google_search_result",
        "url_context_result",
        "google_maps_result",
        "file_search_result",
        "mcp_server_tool_result",
        "retrieval_result",
        "tool_search_result",
        "processing_result",
    ]
    call_id: str
    result: NotRequired[Any]
    is_error: NotRequired[bool]
    signature: NotRequired[str]


Step = UserInput | ModelOutput | Thought | FunctionCall | FunctionResult | ToolCall | ToolResult


class Interaction(TypedDict, total=False):
    """An interaction, whole or as far as it is known.

    `status` is one of queued, in_progress, completed, requires_action, requires_continuation,
    incomplete, budget_exceeded, failed, cancelled, or new. `id` is empty where it is not stored.
    """

    id: str
    status: str
    object: str
    model: str
    agent: str
    created: str
    updated: str
    service_tier: str
    continuation_token: str
    previous_interaction_id: str
    usage: Usage
    steps: list[Step]


TextDelta = TextContent
"""More text of a step of the answer."""

MediaDelta = MediaContent
"""A whole image, video or document, or a piece of audio."""


class AnnotationDelta(TypedDict):
    """Annotations of the newest text of the step."""

    type: Literal["text_annotation_delta"]
    annotations: NotRequired[list[Annotation]]


class ThoughtSummaryDelta(TypedDict):
    """One more item of a thought's summary."""

    type: Literal["thought_summary"]
    content: NotRequired[Content]


class ThoughtSignatureDelta(TypedDict):
    """The signature of a thought."""

    type: Literal["thought_signature"]
    signature: NotRequired[str]


class ArgumentsDelta(TypedDict):
    """A fragment of a call's arguments, which are JSON only once all are joined."""

    type: Literal["arguments_delta"]
    arguments: NotRequired[str]


class ToolDelta(TypedDict):
    """Fields of the step of the same type."""

    type: Literal[
        "function_result",
        "code_execution_call",
        "code_execution_result",
        "google_search_call",
        "google_search_result",
        "url_context_call",
        "url_context_result",
        "google_maps_call",
        "google_maps_result",
        "file_search_call",
        "file_search_result",
        "mcp_server_tool_call",
        "mcp_server_tool_result",
        "retrieval_call",
        "retrieval_result",
        "tool_search_call",
        "tool_search_result",
        "processing_call",
        "processing_result",
    ]
    arguments: NotRequired[dict[str, Any]]
    result: NotRequired[Any]
    is_error: NotRequired[bool]
    signature: NotRequired[str]


Delta = (
    TextDelta
    | MediaDelta
    | AnnotationDelta
    | ThoughtSummaryDelta
    | ThoughtSignatureDelta
    | ArgumentsDelta
    | ToolDelta
)


class InteractionCreated(TypedDict):
    """The interaction has begun."""

    event_type: Literal["interaction.created"]
    interaction: Interaction
    event_id: NotRequired[str]


class InteractionStatusUpdate(TypedDict):
    """The status has changed, or is told again."""

    event_type: Literal["interaction.status_update"]
    interaction_id: str
    status: str
    continuation_token: NotRequired[str]
    usage: NotRequired[Usage]
    event_id: NotRequired[str]


class StepStart(TypedDict):
    """A step has begun; it can be whole already."""

    event_type: Literal["step.start"]
    index: int
    step: Step
    event_id: NotRequired[str]


class StepDelta(TypedDict):
    """A step goes on; steps can be open at the same time, `index` tells which one it is."""

    event_type: Literal["step.delta"]
    index: int
    delta: Delta
    event_id: NotRequired[str]


class StepStop(TypedDict):
    """A step has ended; `usage` counts the whole interaction, `step_usage` this step."""

    event_type: Literal["step.stop"]
    index: int
    usage: NotRequired[Usage]
    step_usage: NotRequired[Usage]
    event_id: NotRequired[str]


class InteractionCompleted(TypedDict):
    """The interaction has ended; whether well, its status tells. Its steps are rarely there."""

    event_type: Literal["interaction.completed"]
    interaction: Interaction
    event_id: NotRequired[str]


class ErrorEvent(TypedDict):
    """Something went wrong; it may be the end of the stream."""

    event_type: Literal["error"]
    error: NotRequired[Error]
    event_id: NotRequired[str]


InteractionsEvent = (
    InteractionCreated
    | InteractionStatusUpdate
    | StepStart
    | StepDelta
    | StepStop
    | InteractionCompleted
    | ErrorEvent
)
"""Any event of a stream; others than these come, too, and are to be passed over."""
