# Without a broker, or with the one that librdkafka can play itself.
dg_test(test_kafka_client unit unit/test_kafka_client.c LINK dg_connectors)
