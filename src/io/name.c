/* Names whose addresses are known, or asked for: what was answered of each, how long it holds, and when it is
 * enough. */
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "io/loop_internal.h"
#include "io/resolve_internal.h"

#define MS UINT64_C(1000000)

/* RFC 8305, 8: Resolution Delay. */
#define DELAY_NS    (50 * MS)
/* Longer than an hour nobody should rest on an answer without asking again. */
#define TTL_MAX_NS  (UINT64_C(3600) * 1000 * MS)
/* That there is no address. The name server's own bound (RFC 2308, 5) is mostly minutes, but a name that is being set
 * up, or a family that failed beside one that did not, should not have to wait for that. */
#define NEGATIVE_NS (5000 * MS)

bool io_name_is_whole(const struct io_name *name)
{
    return name->families[IO_IPV4].answer != IO_ANSWER_NONE && name->families[IO_IPV6].answer != IO_ANSWER_NONE;
}

bool io_name_is_ready(const struct io_name *name)
{
    return io_name_is_whole(name) || name->families[IO_IPV6].answer == IO_ANSWER_ADDRESSES ||
           (name->families[IO_IPV4].answer == IO_ANSWER_ADDRESSES && name->delayed);
}

/* --- keeping ---------------------------------------------------------------------------------------------------- */

static void forget(struct io_name *name)
{
    if (!base_list_is_linked(&name->node))
        return;
    base_list_remove(&name->node);
    name->resolver->name_count--;
}

void io_name_release(struct io_name *name)
{
    const struct io_resolver *resolver = name->resolver;
    weir_allocator memory = resolver->allocator;
    if (name->asking || base_list_is_linked(&name->node) || !base_list_is_empty(&name->queries) ||
        name->families[IO_IPV4].held || name->families[IO_IPV6].held)
        return;
    io_timer_stop(resolver->loop, &name->delay);
    for (int i = 0; i < IO_FAMILIES; i++)
        base_release(&memory, name->families[i].list, name->families[i].room * sizeof(union io_number));
    base_release(&memory, name, sizeof(*name) + strlen(name->host) + 1);
}

static void drop(struct io_name *name)
{
    forget(name);
    io_name_release(name);
}

void io_names_drop(struct io_resolver *resolver)
{
    while (!base_list_is_empty(&resolver->names))
        drop(BASE_CONTAINER(resolver->names.next, struct io_name, node));
}

void io_names_forget_unfinished(struct io_resolver *resolver)
{
    for (struct base_list *n = resolver->names.next, *next = n->next; n != &resolver->names; n = next) {
        struct io_name *name = BASE_CONTAINER(n, struct io_name, node);
        next = n->next;
        if (!io_name_is_whole(name))
            drop(name);
    }
}

/* How long the answers hold, of both families together: they are asked for together. A family that has no address does
 * not shorten it, one that failed does. */
static uint64_t life_ns(const struct io_name *name)
{
    uint64_t life = TTL_MAX_NS;
    bool any = false, failed = false;
    for (int i = 0; i < IO_FAMILIES; i++) {
        const struct io_family *family = &name->families[i];
        any |= family->answer == IO_ANSWER_ADDRESSES;
        failed |= family->answer == IO_ANSWER_FAILED;
        if (family->answer == IO_ANSWER_ADDRESSES && family->ttl_ns < life)
            life = family->ttl_ns;
    }
    if (!any && failed)
        return 0;
    return (failed || !any) && life > NEGATIVE_NS ? NEGATIVE_NS : life;
}

static bool is_known(const struct io_name *name, uint64_t now_ns)
{
    if (io_name_is_whole(name))
        return now_ns < name->until_ns;
    return true; /* under way */
}

static struct io_name *find(struct io_resolver *resolver, weir_str host)
{
    uint64_t now_ns = io_clock_now();
    for (struct base_list *n = resolver->names.next, *next = n->next; n != &resolver->names; n = next) {
        struct io_name *name = BASE_CONTAINER(n, struct io_name, node);
        next = n->next;
        if (!weir_str_equal_nocase(weir_str_from(name->host), host))
            continue;
        if (is_known(name, now_ns))
            return name;
        drop(name);
        return NULL;
    }
    return NULL;
}

/* Names that are under way are not kept by the bound, but by the queries for them, which are bounded elsewhere. */
static void make_room(struct io_resolver *resolver)
{
    for (struct base_list *n = resolver->names.prev, *prev;
         resolver->name_count >= IO_NAMES_MAX && n != &resolver->names; n = prev) {
        struct io_name *name = BASE_CONTAINER(n, struct io_name, node);
        prev = n->prev;
        if (io_name_is_whole(name))
            drop(name);
    }
}

static void on_delay(struct io_timer *timer)
{
    struct io_name *name = BASE_CONTAINER(timer, struct io_name, delay);
    name->delayed = true;
    io_name_tell(name);
}

static struct io_name *new_name(struct io_resolver *resolver, weir_str host)
{
    struct io_name *name = base_alloc_zero(&resolver->allocator, sizeof(*name) + host.len + 1);
    if (name == NULL)
        return NULL;
    memcpy(name->host, host.ptr, host.len);
    name->resolver = resolver;
    name->delay.fired = on_delay;
    base_list_init(&name->queries);
    for (int i = 0; i < IO_FAMILIES; i++)
        name->families[i] = (struct io_family){.name = name, .held = true};
    make_room(resolver);
    base_list_push_front(&resolver->names, &name->node);
    resolver->name_count++;
    return name;
}

struct io_name *io_name_of(struct io_resolver *resolver, weir_str host)
{
    struct io_name *name = find(resolver, host);
    if (name != NULL) {
        base_list_remove(&name->node);
        base_list_push_front(&resolver->names, &name->node);
        return name;
    }
    name = new_name(resolver, host);
    if (name == NULL)
        return NULL;
    name->asking = true;
    io_lookup_ask(resolver->lookup, name);
    name->asking = false;
    return name;
}

/* --- answers ---------------------------------------------------------------------------------------------------- */

bool io_family_add(struct io_family *family, const struct sockaddr *address, uint64_t ttl_ns)
{
    weir_allocator *memory = &family->name->resolver->allocator;
    if (family->count == IO_ADDRESSES_MAX)
        return true;
    if (family->count == family->room) {
        size_t room = family->room == 0 ? 4 : family->room * 2;
        union io_number *list = base_resize(memory, family->list, family->room * sizeof(*list), room * sizeof(*list));
        if (list == NULL)
            return false;
        family->list = list;
        family->room = room;
    }
    if (family->count == 0 || ttl_ns < family->ttl_ns)
        family->ttl_ns = ttl_ns;
    memcpy(&family->list[family->count++], address,
           address->sa_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6));
    return true;
}

void io_family_answer(struct io_family *family, enum io_answer answer, weir_code code, const char *why)
{
    struct io_name *name = family->name;
    weir_loop *loop = name->resolver->loop;
    family->held = false;
    family->answer = answer;
    family->code = code;
    family->why = why;
    if (io_name_is_whole(name)) {
        uint64_t life = life_ns(name);
        name->until_ns = io_clock_after(life);
        io_timer_stop(loop, &name->delay);
        if (life == 0)
            forget(name);
    } else if (family == &name->families[IO_IPV4] && answer == IO_ANSWER_ADDRESSES) {
        io_timer_start(loop, &name->delay, io_clock_after(DELAY_NS));
    }
    if (io_name_is_ready(name))
        io_name_tell(name);
    io_name_release(name);
}

/* --- in which order --------------------------------------------------------------------------------------------- */

/* Whether this host has a way there: nothing is sent. */
static bool has_way(const struct io_family *family, socklen_t size)
{
    if (family->count == 0)
        return false;
    union io_number to = family->list[0];
    int fd = socket(to.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (to.any.sa_family == AF_INET)
        to.ipv4.sin_port = htons(53);
    else
        to.ipv6.sin6_port = htons(53);
    bool way = fd >= 0 && connect(fd, &to.any, size) == 0;
    if (fd >= 0)
        close(fd);
    return way;
}

/* Below IPv4 in the table of RFC 6724, 2.1: fc00::/7, 6to4, Teredo, and what is deprecated. */
static bool is_second_choice(const struct in6_addr *a)
{
    const uint8_t *o = a->s6_addr;
    bool teredo = o[0] == 0x20 && o[1] == 0x01 && o[2] == 0 && o[3] == 0;
    return (o[0] & 0xfe) == 0xfc || (o[0] == 0x20 && o[1] == 0x02) || teredo ||
           (o[0] == 0xfe && (o[1] & 0xc0) == 0xc0) || (o[0] == 0x3f && o[1] == 0xfe);
}

/* RFC 6724, 6: rules 1 and 6 between the first of each family; c-ares has put those of a family in order. */
static bool ipv6_is_first(const struct io_name *name)
{
    const struct io_family *ipv4 = &name->families[IO_IPV4], *ipv6 = &name->families[IO_IPV6];
    if (ipv4->count == 0 || ipv6->count == 0)
        return ipv6->count > 0;
    if (!has_way(ipv6, sizeof(struct sockaddr_in6)))
        return false;
    return !has_way(ipv4, sizeof(struct sockaddr_in)) || !is_second_choice(&ipv6->list[0].ipv6.sin6_addr);
}

static void add(const struct io_family *family, size_t most, uint16_t port, struct io_addresses *to)
{
    for (size_t i = 0; i < family->count && i < most; i++)
        io_addresses_add(to, &family->list[i].any, port);
}

/* Where there are more than there is room for, neither family pushes out the other. */
static size_t share_of(const struct io_family *other)
{
    size_t half = IO_ADDRESSES_MAX / 2;
    return IO_ADDRESSES_MAX - (other->count < half ? other->count : half);
}

void io_name_addresses(const struct io_name *name, unsigned family, uint16_t port, struct io_addresses *to)
{
    to->count = 0;
    if (family != IO_FAMILIES) {
        add(&name->families[family], IO_ADDRESSES_MAX, port, to);
        return;
    }
    unsigned first = ipv6_is_first(name) ? IO_IPV6 : IO_IPV4;
    const struct io_family *a = &name->families[first], *b = &name->families[!first];
    add(a, share_of(b), port, to);
    add(b, share_of(a), port, to);
    if (to->count > 0)
        io_addresses_interleave(to);
}

/* That a name server failed weighs more than that another question had no answer. */
weir_code io_name_failure(const struct io_name *name, const char **why)
{
    const struct io_family *family = &name->families[IO_IPV4];
    if (family->answer != IO_ANSWER_FAILED && name->families[IO_IPV6].answer == IO_ANSWER_FAILED)
        family = &name->families[IO_IPV6];
    *why = family->why;
    return family->code;
}
