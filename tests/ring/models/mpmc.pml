/* A bounded queue between many producers and many consumers, after Vyukov, with sequence numbers doubled: so that they
 * tell a full slot from a free one where N is 1 too, which position + 1 and position + N do not.
 *
 * Promises, for two producers of ITEMS items each, two consumers, and counters that wrap while the items flow:
 *   bounds       head <= tail, and tail - head <= N
 *   new_item     what a consumer reads is an item, all words of it, that nobody was given before
 *   in_order     the items of one producer come to one consumer in the order in which they were pushed
 *   all          every item is delivered, once the producers are done and the consumers find nothing more
 *   refusal      a push is refused only while tail stands at a slot that no consumer has freed
 *   emptiness    a pop finds nothing only while head stands at a slot that no producer has completed
 *   progress     a thread looks at another position only because somebody claimed the one that it looked at
 * Nor do all wait for each other: that is an error to spin itself.
 * Does not promise: anything about weak memory (see the words "acquire" and "release" beside the steps); that a pop
 * finds an item whose push has returned, as an earlier push may still be writing its own, nor that a push finds room
 * that a pop has made, as an earlier pop may still be reading; that anything goes on past a thread that died between
 * its claim and its last step; nor anything about a thread that slept for 2^63 items between a look and its claim,
 * which is why this model, with its small counters, sends few.
 *
 * Mutants (-DNAME), the promise that each breaks, and what is defined too for it to be found. The last is no
 * change of the protocol, but shows that order is looked at:
 *   WRITE_BEFORE_SEQUENCE           new_item
 *   WRITE_BEFORE_CLAIM              new_item
 *   PUBLISH_BEFORE_WRITE            new_item
 *   READ_BEFORE_SEQUENCE            new_item
 *   FREE_BEFORE_READ                new_item
 *   PUSH_WITHOUT_COMPARE            new_item
 *   POP_WITHOUT_COMPARE             new_item
 *   PUSH_WITHOUT_SEQUENCE           bounds
 *   POP_WITHOUT_SEQUENCE            bounds
 *   AHEAD_IS_FULL                   refusal
 *   AHEAD_IS_EMPTY                  emptiness
 *   BEHIND_IS_AHEAD                 progress
 *   BEHIND_WITHOUT_WRAP             emptiness
 *   FREED_FOR_NEXT_POSITION         refusal
 *   SEQUENCES_NOT_DOUBLED           bounds      N=1
 *   DONE_READ_AFTER_POP             all         ITEMS=1
 *   PUSHED_IN_REVERSE               in_order
 */
#ifndef N
#define N 2                 /* capacity */
#endif

#ifndef ITEMS
#define ITEMS 2             /* of each producer: with two, order is that nothing comes after the second */
#endif
#define COUNTS 16           /* what 2^64 is in the library: a multiple of 2N, more than all items and their laps */
#define START (COUNTS - 2)  /* positions wrap after two items */

/* What a slot's sequence number says: free for the item of a position, or full of it. */
#ifdef SEQUENCES_NOT_DOUBLED
#define SEQUENCES COUNTS
#define FREE(position) ((position) % SEQUENCES)
#define FULL(position) (((position) + 1) % SEQUENCES)
#else
#define SEQUENCES (2 * COUNTS)
#define FREE(position) ((2 * (position)) % SEQUENCES)
#define FULL(position) ((2 * (position) + 1) % SEQUENCES)
#endif
#ifdef BEHIND_WITHOUT_WRAP
#define behind(sequence, wanted) ((sequence) < (wanted))
#else
/* By the sign of the wrapping difference. */
#define behind(sequence, wanted) ((SEQUENCES + (wanted) - (sequence) - 1) % SEQUENCES < SEQUENCES / 2)
#endif

/* What a thread makes of the sequence number that it loaded: it claims, gives up, or else looks at a later position. */
#ifdef PUSH_WITHOUT_SEQUENCE
#define can_push (sequence >= 0)
#else
#define can_push (sequence == FREE(position))
#endif
#ifdef POP_WITHOUT_SEQUENCE
#define can_pop (sequence >= 0)
#else
#define can_pop (sequence == FULL(position))
#endif
#if defined(AHEAD_IS_FULL)
#define no_room (!can_push)
#elif defined(BEHIND_IS_AHEAD)
#define no_room (!can_push && sequence < 0)
#else
#define no_room (!can_push && behind(sequence, FREE(position)))
#endif
#ifdef AHEAD_IS_EMPTY
#define no_item (!can_pop)
#else
#define no_item (!can_pop && behind(sequence, FULL(position)))
#endif

#define promise(name, condition) name = (condition); assert(name)
bool bounds = true, new_item = true, in_order = true, all = true, refusal = true, emptiness = true, progress = true;

typedef Slot {
    byte sequence;          /* FREE(p), FULL(p), FREE(p + N), ...: never back; moved by those alone who claimed p */
    byte first; byte second /* an item is two words, one written after the other */
}
Slot slot[N];
byte tail = START;          /* next position to be claimed by a producer: only once, as it moves by compare-and-swap */
byte head = START;          /* next position to be claimed by a consumer, likewise */

/* Ghosts, seen by no step of the protocol: */
byte producing = 2, consuming = 2;      /* threads that are not done */
bool delivered[2 * ITEMS + 1];          /* items are 1, 2, ... of one producer, then those of the other */
byte deliveries;

/* The slot is still that of the item of position - N, in the hands of whoever writes or reads it; or waits for ours. */
#define before_free (sequence == FREE(position + COUNTS - N) || sequence == FULL(position + COUNTS - N))
#define before_full (sequence == FULL(position + COUNTS - N) || sequence == FREE(position))

/* Compare-and-swap: move a counter past the position and leave the loop, unless another did; then, see where it is. */
inline claim(counter) {
    if
    :: counter == position ->
       counter = (position + 1) % COUNTS;
       promise(bounds, (COUNTS + tail - head) % COUNTS <= N);
       sequence = 0;
       break
    :: else -> position = counter
    fi
}

inline look_again(counter) {
    promise(progress, counter != position);
    position = counter
}

inline write(item) {
    slot[position % N].first = item;
    slot[position % N].second = item
}

/* One attempt: stored, or refused. */
inline push(item) {
    position = tail;                                        /* relaxed: the claim compares it */
    do
    ::
#ifdef WRITE_BEFORE_SEQUENCE
       write(item);
#endif
       atomic {
           sequence = slot[position % N].sequence;          /* acquire: what it held before was copied */
           promise(refusal, !no_room || tail == position && before_free)
       };
#ifdef WRITE_BEFORE_CLAIM
       write(item);
#endif
       if
#ifdef PUSH_WITHOUT_COMPARE
       :: can_push -> tail = (position + 1) % COUNTS; break
#else
       :: atomic { can_push -> claim(tail) }
#endif
       :: atomic { no_room -> refused = true; break }
       :: atomic { else -> look_again(tail) }               /* ahead: another producer claimed it */
       fi
    od;
    if
    :: refused
    :: atomic { else -> skip };
#if defined(PUBLISH_BEFORE_WRITE)
       slot[position % N].sequence = FULL(position);
       write(item)
#elif defined(WRITE_BEFORE_SEQUENCE) || defined(WRITE_BEFORE_CLAIM)
       slot[position % N].sequence = FULL(position)
#else
       write(item);                                         /* first complete, ... */
       slot[position % N].sequence = FULL(position)         /* ... then visible: release */
#endif
    fi
}

inline read() {
    first = slot[position % N].first;
    second = slot[position % N].second
}

inline deliver() {
    promise(new_item, first == second && first > 0 && !delivered[first]);
    delivered[first] = true;
    deliveries++;
    promise(in_order, !ended[(first - 1) / ITEMS]);         /* nothing of a producer comes after its last */
    ended[(first - 1) / ITEMS] = (first % ITEMS == 0)
}

/* One attempt: delivered, or nothing found. */
inline pop() {
    position = head;                                        /* relaxed: the claim compares it */
    do
    ::
#ifdef READ_BEFORE_SEQUENCE
       read();
#endif
       atomic {
           sequence = slot[position % N].sequence;          /* acquire: the item is complete, if there is one */
           promise(emptiness, !no_item || head == position && before_full)
       };
       if
#ifdef POP_WITHOUT_COMPARE
       :: can_pop -> head = (position + 1) % COUNTS; break
#else
       :: atomic { can_pop -> claim(head) }
#endif
       :: atomic { no_item -> nothing = true; break }
       :: atomic { else -> look_again(head) }               /* ahead: another consumer claimed it */
       fi
    od;
    if
    :: nothing
    :: atomic { else -> skip };
#if defined(FREE_BEFORE_READ)
       slot[position % N].sequence = FREE(position + N);
       read();
       atomic { deliver() }
#else
#ifndef READ_BEFORE_SEQUENCE
       read();                                              /* first copied, ... */
#endif
       atomic {
#ifdef FREED_FOR_NEXT_POSITION
           slot[position % N].sequence = FREE(position + 1);
#else
           slot[position % N].sequence = FREE(position + N);    /* ... then free: release */
#endif
           deliver()
       }
#endif
    fi
}

/* Whoever was refused, or found nothing, comes again when something has changed. */
#define changed(counter) (slot[position % N].sequence != sequence || counter != position)

proctype Producer(byte next; byte last) {
    byte position, sequence;
    bit refused;
    do
    :: atomic { next > last -> producing--; break }
    :: atomic { else -> skip };
#ifdef PUSHED_IN_REVERSE
       push(2 * last - ITEMS + 1 - next);
#else
       push(next);
#endif
       atomic {
           if
           :: refused -> changed(tail)
           :: else -> next++
           fi;
           position = 0; sequence = 0; refused = false              /* forget the call */
       }
    od
}

proctype Consumer() {
    byte position, sequence, first, second;
    bool nothing, done, ended[2];
    do
    ::
#ifdef DONE_READ_AFTER_POP
       pop();
       done = (producing == 0);
#else
       done = (producing == 0);     /* before: what is found missing after it will not come any more */
       pop();
#endif
       atomic {
           if
           :: nothing && done -> break
           :: nothing && !done -> changed(head) || producing == 0
           :: else
           fi;
           position = 0; sequence = 0; first = 0; second = 0; nothing = false; done = false
       }
    od;
    atomic { consuming--; promise(all, consuming > 0 || deliveries == 2 * ITEMS) }
}

init {
    byte i;
    atomic {
        do
        :: i < N -> slot[(START + i) % N].sequence = FREE(START + i); i++
        :: else -> break
        od;
        run Producer(1, ITEMS); run Producer(ITEMS + 1, 2 * ITEMS);
        run Consumer(); run Consumer()
    }
}
