from collections.abc import Mapping, Sequence
from ssl import SSLContext
from typing import Any

from aiokafka.admin.config_resource import ConfigResource

class NewTopic:
    def __init__(
        self,
        name: str,
        num_partitions: int,
        replication_factor: int,
        replica_assignments: Mapping[int, Sequence[int]] | None = ...,
        topic_configs: Mapping[str, str] | None = ...,
    ) -> None: ...

class AIOKafkaAdminClient:
    _client: Any
    def __init__(
        self,
        *,
        bootstrap_servers: str,
        client_id: str = ...,
        request_timeout_ms: int = ...,
        retry_backoff_ms: int = ...,
        security_protocol: str = ...,
        ssl_context: SSLContext | None = ...,
        sasl_mechanism: str = ...,
        sasl_plain_username: str | None = ...,
        sasl_plain_password: str | None = ...,
    ) -> None: ...
    async def start(self) -> None: ...
    async def close(self) -> None: ...
    async def create_topics(self, new_topics: list[NewTopic]) -> Any: ...
    async def delete_topics(self, topics: list[str]) -> Any: ...
    async def describe_topics(self, topics: list[str] | None = ...) -> list[Any]: ...
    async def describe_configs(self, config_resources: list[ConfigResource]) -> list[Any]: ...
    async def list_topics(self) -> list[str]: ...
