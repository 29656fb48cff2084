/* engine/live/settings_keys.h -- places of the keys in the tables of settings_keys.c. */
#ifndef DG_ENGINE_LIVE_SETTINGS_KEYS_H
#define DG_ENGINE_LIVE_SETTINGS_KEYS_H

#include <stdbool.h>

enum {
    DAEMON_KAFKA,
    DAEMON_REGISTRY,
    DAEMON_DATABASE,
    DAEMON_HTTP,
    DAEMON_LANES,
    DAEMON_MEMORY,
    DAEMON_COMMIT,
    DAEMON_JUDGE,
    DAEMON_KEYS
};
enum { KAFKA_BROKERS, KAFKA_GROUP, KAFKA_INSTANCE, KAFKA_PROPERTIES, KAFKA_KEYS };
enum { PROPERTY_VALUE, PROPERTY_KEYS };
enum { REGISTRY_URL, REGISTRY_USER, REGISTRY_PASSWORD_FILE, REGISTRY_CA_FILE, REGISTRY_KEYS };
enum { DATABASE_TARGET, DATABASE_PASSWORD_FILE, DATABASE_TENANT, DATABASE_KEYS };
enum { HTTP_LISTEN, HTTP_TOKEN_FILE, HTTP_KEYS };
enum { COMMIT_INTERVAL, COMMIT_KEYS };
enum { JUDGE_INTERVAL, JUDGE_HORIZON, JUDGE_KEYS };

/* A property of librdkafka whose value nobody but it should see. */
bool dg_property_is_secret(const char *name);

#endif
