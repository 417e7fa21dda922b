"""The bus on Apache Kafka: the only package that imports aiokafka, with a deadline of ours on every wait.

What is known of the driver and met here: a producer that failed once is not used again (it takes a sequence
number before a send and never gives it back); stopping one may hang while the broker is away; asking for
metadata without a pause starves the event loop; an unknown topic is tried for 40 s.
"""

from infra.kafka.bus import KafkaBus

__all__ = ["KafkaBus"]
