/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Networks: -netdev, and -nic, which is a -netdev and the card on it. */
#include "net/netdev.h"
#include "options-int.h"
#include "util/error.h"
#include "util/json.h"
#include "util/keyval.h"

bool option_netdev(Options *o, const char *arg, GError **errp)
{
    json_object *dict;

    if (option_is_help(arg)) {
        netdev_print_types(stdout);
        o->help_printed = true;
        return true;
    }
    dict = keyval_parse(arg, "type", errp);
    if (!dict) {
        return false;
    }
    if (json_get(dict, "help")) {
        netdev_print_properties(stdout);
        o->help_printed = true;
        json_object_put(dict);
        return true;
    }
    return option_add_repeat(o->netdevs, dict, "-netdev", errp);
}

/* Moves @key of @from to @to, where it is called @name. */
static void move_key(json_object *from, const char *key, json_object *to,
                     const char *name)
{
    json_object *value = json_get(from, key);

    if (value) {
        json_add(to, name, json_object_get(value));
        json_object_object_del(from, key);
    }
}

/* -nic none, and what else says that there is no card. */
static bool is_none(json_object *dict)
{
    return !g_strcmp0(keyval_get(dict, "type"), "none");
}

bool option_nic(Options *o, const char *arg, GError **errp)
{
    static const char *const card_keys[] = { "mac", "addr", "vectors" };
    g_autofree char *id = g_strdup_printf("nic%u", o->nics->len);
    json_object *dict = keyval_parse(arg, "type", errp);
    const char *model;
    json_object *card;

    if (!dict) {
        return false;
    }
    if (is_none(dict)) {
        json_object_put(dict);
        return true;
    }
    model = keyval_get(dict, "model");
    if (model && !g_str_equal(model, "virtio") &&
        !g_str_equal(model, "virtio-net-pci")) {
        error_setg(errp,
                   "-nic: model '%s' is not supported: give virtio-net-pci, or "
                   "leave it out",
                   model);
        json_object_put(dict);
        return false;
    }
    json_object_object_del(dict, "model");
    card = json_object_new_object();
    json_add_string(card, "driver", "virtio-net-pci");
    for (unsigned i = 0; i < G_N_ELEMENTS(card_keys); i++) {
        move_key(dict, card_keys[i], card, card_keys[i]);
    }
    if (!json_get(dict, "id")) {
        json_add_string(dict, "id", id);
    }
    json_add(card, "netdev", json_object_get(json_get(dict, "id")));
    if (!option_add_repeat(o->nics, dict, "-nic", errp)) {
        json_object_put(card);
        return false;
    }
    return option_add_repeat(o->devices, card, "-nic", errp);
}
