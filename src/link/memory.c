/* The bound of what all links of a home hold, and how memory goes back to the system.
 *
 * The meter of the config sees every octet that comes from the allocator, and one comparison a turn is all that this
 * costs while there is enough. When there is not, free lists go first; then links that hold most are ended, of some
 * at a time: a look at all of them would cost as much as they are many, just when much is going on. */
#include <weir/limits.h>

#include "link/link.h"

/* Looked at to find the one that holds most, and ended in one call, at most. */
#define LOOKS_MAX     32
#define ENDED_MAX     16
/* Less may be held only for a moment, as between two rounds of a load: then giving back would be for nothing. */
#define TIDY_AFTER_NS WEIR_SECOND
#define LINKS_KEEP    8

uint64_t link_home_memory(const struct link_home *home)
{
    return exchange_config_memory(&home->config) - base_slab_kept(&home->slab);
}

static uint64_t held_by(const struct link *link)
{
    return link_home_of(link)->slab.item_size - sizeof link->conn + weir_conn_memory(&link->conn);
}

static void trim(struct link_home *home)
{
    exchange_config_trim(&home->config);
    base_slab_trim(&home->slab, LINKS_KEEP);
}

/* The one that holds most of `self` and those that are next; all who are looked at go to the end. One that has
 * nothing to do is not among them, and holds nothing. */
static struct link *greediest(struct link_home *home, struct link *self)
{
    struct link *found = self;
    uint64_t most = held_by(self);
    for (unsigned looks = 0; looks < LOOKS_MAX && !base_list_is_empty(&home->links); looks++) {
        struct base_list *node = home->links.next;
        struct link *link = BASE_CONTAINER(node, struct link, node);
        base_list_remove(node);
        base_list_push_back(&home->links, node);
        uint64_t held = held_by(link);
        if (held > most && link->conn.life < LIFE_CLOSING) {
            found = link;
            most = held;
        }
    }
    return found;
}

bool link_make_room(struct link_home *home, struct link *self)
{
    bool ended_self = false;
    if (home->making_room || self->conn.life >= LIFE_CLOSING)
        return false;
    home->making_room = true;
    trim(home);
    for (unsigned ended = 0; ended < ENDED_MAX && link_home_is_short(home) && !ended_self; ended++) {
        struct link *link = greediest(home, self);
        /* Whoever holds less than all do on average is not ended for the others: the next look may find those. */
        if (held_by(link) < link_home_memory(home) / home->alive)
            break;
        ended_self = link == self;
        if (ended_self)
            conn_refuse(&self->conn, WEIR_CODE_memory_limit, weir_loop_now(home->loop));
        else
            link_refuse(link, WEIR_CODE_memory_limit);
        trim(home);
    }
    home->making_room = false;
    return ended_self;
}

static void on_tidy(struct io_timer *timer)
{
    struct link_home *home = BASE_CONTAINER(timer, struct link_home, tidy_timer);
    if (!base_meter_is_slack(&home->config.meter))
        return;
    trim(home);
    base_meter_tidy(&home->config.meter);
}

void link_home_plan_tidy(struct link_home *home)
{
    if (!io_timer_is_running(&home->tidy_timer))
        io_timer_start(home->loop, &home->tidy_timer, weir_loop_now(home->loop) + TIDY_AFTER_NS);
}

void link_memory_init(struct link_home *home, uint64_t memory_max)
{
    home->memory_max = memory_max > 0 ? memory_max : WEIR_UNLIMITED;
    home->tidy_timer = (struct io_timer){.fired = on_tidy};
    home->making_room = false;
}

void link_memory_fini(struct link_home *home)
{
    io_timer_stop(home->loop, &home->tidy_timer);
}
