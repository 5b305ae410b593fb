// SPDX-License-Identifier: MIT
// The smallest module, as every textbook has it: `lockstep run examples/c`, or `lockstep run examples/c/hello.c`.
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/module.h>

static char *who = "world";
module_param(who, charp, 0444);
MODULE_PARM_DESC(who, "whom to greet");

static int __init hello_init(void)
{
	pr_info("Hello, %s!\n", who);
	return 0;
}

static void __exit hello_exit(void)
{
	pr_info("Goodbye, %s!\n", who);
}

module_init(hello_init);
module_exit(hello_exit);

MODULE_LICENSE("GPL");
MODULE_AUTHOR("The Lockstep authors");
MODULE_DESCRIPTION("Says hello");
