#include "conn/failure.h"

#include <errno.h>

static weir_code reset_code(weir_stage stage)
{
    switch (stage) {
    case WEIR_STAGE_UNUSED:
        return WEIR_CODE_peer_reset_unused;
    case WEIR_STAGE_HEAD:
        return WEIR_CODE_peer_reset_in_head;
    case WEIR_STAGE_BODY:
        return WEIR_CODE_peer_reset_in_body;
    case WEIR_STAGE_HANDLER:
        return WEIR_CODE_peer_reset_in_handler;
    case WEIR_STAGE_RESPONSE:
        return WEIR_CODE_peer_reset_in_response;
    case WEIR_STAGE_IDLE:
        return WEIR_CODE_peer_reset_idle;
    case WEIR_STAGE_TUNNEL:
        return WEIR_CODE_peer_reset_tunnel;
    default:
        return WEIR_CODE_peer_reset_closing;
    }
}

/* The peer closed, and then refused what we sent: Linux says EPIPE, and ECONNRESET only where no FIN came before. */
static weir_code refused_code(weir_stage stage)
{
    switch (stage) {
    case WEIR_STAGE_HANDLER:
        return WEIR_CODE_peer_fin_in_handler;
    case WEIR_STAGE_RESPONSE:
        return WEIR_CODE_peer_fin_in_response;
    case WEIR_STAGE_BODY:
        return WEIR_CODE_peer_fin_in_body;
    case WEIR_STAGE_HEAD:
        return WEIR_CODE_peer_fin_in_head;
    case WEIR_STAGE_UNUSED:
        return WEIR_CODE_peer_fin_unused;
    case WEIR_STAGE_TUNNEL:
        return WEIR_CODE_peer_fin_tunnel;
    default:
        return WEIR_CODE_peer_fin_idle;
    }
}

bool failure_is_of_network(int os)
{
    switch (os) {
    case ETIMEDOUT:
    case EHOSTUNREACH:
    case EHOSTDOWN:
    case ENETUNREACH:
    case ENETDOWN:
    case ENETRESET:
    case ECONNREFUSED:
        return true;
    default:
        return false;
    }
}

weir_code failure_code(struct engine_facts *facts, int os, weir_stage stage)
{
    if (failure_is_of_network(os))
        return WEIR_CODE_network_lost;
    switch (os) {
    case ECONNRESET:
    case ECONNABORTED:
        facts->reset_seen = true;
        return reset_code(stage);
    case 0:
    case EPIPE:
    case ENOTCONN:
        if (!facts->fin_seen)
            facts->fin_before_answer = stage == WEIR_STAGE_HANDLER;
        else if (facts->fin_before_answer)
            stage = WEIR_STAGE_HANDLER;
        facts->fin_seen = true;
        return refused_code(stage);
    case ENOMEM:
    case ENOBUFS:
        return WEIR_CODE_no_memory;
    case EBADF:
    case EFAULT:
    case EINVAL:
    case ENOTSOCK:
        return WEIR_CODE_internal_error;
    default:
        return WEIR_CODE_system_error;
    }
}
