/* weir/engine.h: the names that weir/conn.h had in 0.1, when a connection without I/O was called an engine. Programs
 * that use them go on compiling; the functions of these names are still in the library for those that are built
 * already. Write new programs with weir/conn.h. */
#ifndef WEIR_ENGINE_H
#define WEIR_ENGINE_H

#include <weir/conn.h>

#define weir_engine weir_conn
#define weir_engine_config weir_conn_config
#define weir_engine_options weir_conn_options
#define WEIR_ENGINE_OPTIONS(...) WEIR_CONN_OPTIONS(__VA_ARGS__)

#define weir_engine_config_new weir_conn_config_new
#define weir_engine_config_free weir_conn_config_free
#define weir_engine_new weir_conn_new
#define weir_engine_free weir_conn_free
#define weir_engine_request weir_conn_request
#define weir_engine_request_prepared weir_conn_request_prepared
#define weir_engine_reserve weir_conn_reserve
#define weir_engine_received weir_conn_received
#define weir_engine_received_fin weir_conn_received_fin
#define weir_engine_output weir_conn_output
#define weir_engine_sent weir_conn_sent
#define weir_engine_output_failed weir_conn_output_failed
#define weir_engine_wants weir_conn_wants
#define weir_engine_receipt weir_conn_receipt
#define weir_engine_shut weir_conn_shut
#define weir_engine_failed weir_conn_failed
#define weir_engine_deadline weir_conn_deadline
#define weir_engine_tick weir_conn_tick
#define weir_engine_drain weir_conn_drain
#define weir_engine_stop weir_conn_stop
#define weir_engine_is_idle weir_conn_is_idle
#define weir_engine_closed weir_conn_closed

#endif
