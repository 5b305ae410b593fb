// SPDX-License-Identifier: MIT
// Two kernel threads hand a ball to each other by completions.
//   lockstep run examples/c/ping-pong.c rounds=1000
#include <linux/completion.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/module.h>

static int rounds = 100;
module_param(rounds, int, 0444);
MODULE_PARM_DESC(rounds, "how often the ball goes there and back");

struct player {
	struct completion ball, done;
	struct player *other;
	int hits;
};

static struct player ping, pong;

static int play(void *data)
{
	struct player *me = data;
	int i;

	for (i = 0; i < rounds; i++) {
		wait_for_completion(&me->ball);
		me->hits++;
		complete(&me->other->ball);
	}
	complete(&me->done);
	return 0;
}

static void prepare(struct player *player, struct player *other)
{
	init_completion(&player->ball);
	init_completion(&player->done);
	player->other = other;
	player->hits = 0;
}

static int __init ping_pong_init(void)
{
	struct task_struct *a, *b;

	prepare(&ping, &pong);
	prepare(&pong, &ping);
	a = kthread_create(play, &ping, "ping");
	if (IS_ERR(a))
		return PTR_ERR(a);
	b = kthread_create(play, &pong, "pong");
	if (IS_ERR(b)) {
		kthread_stop(a);
		return PTR_ERR(b);
	}
	wake_up_process(a);
	wake_up_process(b);
	complete(&ping.ball);
	return 0;
}

static void __exit ping_pong_exit(void)
{
	wait_for_completion(&ping.done);
	wait_for_completion(&pong.done);
	pr_info("ping hit %d times, pong %d times\n", ping.hits, pong.hits);
}

module_init(ping_pong_init);
module_exit(ping_pong_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Two threads and their completions");
