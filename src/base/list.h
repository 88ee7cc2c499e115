/* An intrusive ring of nodes: the head is a node too. A node knows whether it is in one (`next` not NULL). */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct base_list {
    struct base_list *next;
    struct base_list *prev;
};

/* The struct that holds `node` as `member`. */
#define BASE_CONTAINER(node, type, member) ((type *)(void *)((char *)(node) - offsetof(type, member)))

static inline void base_list_init(struct base_list *head)
{
    head->next = head;
    head->prev = head;
}

static inline bool base_list_is_empty(const struct base_list *head)
{
    return head->next == head;
}

static inline bool base_list_is_linked(const struct base_list *node)
{
    return node->next != NULL;
}

static inline void base_list_push_back(struct base_list *head, struct base_list *node)
{
    node->prev = head->prev;
    node->next = head;
    head->prev->next = node;
    head->prev = node;
}

static inline void base_list_push_front(struct base_list *head, struct base_list *node)
{
    base_list_push_back(head->next, node);
}

/* Fine on a node that is in no list. */
static inline void base_list_remove(struct base_list *node)
{
    if (node->next == NULL)
        return;
    node->prev->next = node->next;
    node->next->prev = node->prev;
    node->next = NULL;
    node->prev = NULL;
}

/* All nodes of `from` to the end of `to`; `from` is empty then. */
static inline void base_list_splice(struct base_list *to, struct base_list *from)
{
    if (base_list_is_empty(from))
        return;
    from->next->prev = to->prev;
    to->prev->next = from->next;
    from->prev->next = to;
    to->prev = from->prev;
    base_list_init(from);
}

#endif
