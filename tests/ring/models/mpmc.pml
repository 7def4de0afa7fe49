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
 * Nobody waits for ever: a model whose threads all wait is an error to spin.
 * Does not promise: anything about weak memory (see the words "acquire" and "release" beside the steps); that a pop
 * finds an item whose push has returned, as an earlier push may still be writing its own, nor that a push finds room
 * that a pop has made, as an earlier pop may still be reading; that anything goes on past a thread that died between
 * its claim and its last step; nor anything about a thread that slept for 2^63 items between a look and its claim,
 * which is why this model, with its small counters, sends few.
 *
 * Mutants (-DNAME), and the promise that each breaks:
 *   WRITE_BEFORE_SEQUENCE           new_item
 *   WRITE_BEFORE_CLAIM              new_item
 *   PUBLISH_BEFORE_WRITE            new_item
 *   READ_BEFORE_SEQUENCE            new_item
 *   FREE_BEFORE_READ                new_item
 *   PUSH_WITHOUT_COMPARE            bounds
 *   POP_WITHOUT_COMPARE             new_item
 *   PUSH_WITHOUT_SEQUENCE           bounds
 *   POP_WITHOUT_SEQUENCE            bounds
 *   AHEAD_IS_FULL                   refusal
 *   AHEAD_IS_EMPTY                  emptiness
 *   BEHIND_WITHOUT_WRAP             refusal
 *   FREED_FOR_NEXT_POSITION         bounds
 *   SEQUENCES_NOT_DOUBLED           bounds      N=1
 */
#ifndef N
#define N 2                 /* capacity */
#endif

#define ITEMS 2             /* of each producer: with two, order is that nothing comes after the second */
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
#define behind(sequence, wanted) ((SEQUENCES + (wanted) - (sequence) - 1) % SEQUENCES < SEQUENCES / 2)  /* by the sign */
#endif

/* What a thread makes of the sequence number that it loaded. */
#ifdef PUSH_WITHOUT_SEQUENCE
#define room (sequence >= 0)
#else
#define room (sequence == FREE(position))
#endif
#ifdef POP_WITHOUT_SEQUENCE
#define item_there (sequence >= 0)
#else
#define item_there (sequence == FULL(position))
#endif
#ifdef AHEAD_IS_FULL
#define full (!room)
#else
#define full (!room && behind(sequence, FREE(position)))
#endif
#ifdef AHEAD_IS_EMPTY
#define empty_slot (!item_there)
#else
#define empty_slot (!item_there && behind(sequence, FULL(position)))
#endif

#define promise(name, condition) name = (condition); assert(name)
hidden byte bounds, new_item, in_order, all, refusal, emptiness;

typedef Slot {
    byte sequence;          /* FREE(p), FULL(p), FREE(p + N), ...: never back; whoever claimed p, and no other, moves it */
    byte first; byte second /* an item is two words, one written after the other */
}
Slot slot[N];
byte tail = START;          /* next position to be claimed by a producer: claimed once, as it moves by compare-and-swap */
byte head = START;          /* next position to be claimed by a consumer, likewise */

/* Ghosts, seen by no step of the protocol: */
byte producing = 2, consuming = 2;      /* threads that are not done */
bool delivered[2 * ITEMS + 1];          /* items are 1, 2, ... of one producer, then those of the other */
byte deliveries;

#define freed(position) FREE((position) + COUNTS - N)   /* what position - N leaves behind, before and after it is full */
#define filled(position) FULL((position) + COUNTS - N)

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
           promise(refusal, !full || tail == position && (sequence == freed(position) || sequence == filled(position)))
       };
#ifdef WRITE_BEFORE_CLAIM
       write(item);
#endif
       if
#ifdef PUSH_WITHOUT_COMPARE
       :: room -> tail = (position + 1) % COUNTS; break
#else
       :: atomic { room -> claim(tail) }
#endif
       :: atomic { full -> refused = true; break }
       :: atomic { else -> position = tail }                /* ahead: another producer claimed it */
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
           promise(emptiness, !empty_slot || head == position && (sequence == FREE(position) || sequence == filled(position)))
       };
       if
#ifdef POP_WITHOUT_COMPARE
       :: item_there -> head = (position + 1) % COUNTS; break
#else
       :: atomic { item_there -> claim(head) }
#endif
       :: atomic { empty_slot -> nothing = true; break }
       :: atomic { else -> position = head }                /* ahead: another consumer claimed it */
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

proctype Producer(byte item; byte last) {
    byte position, sequence;
    bit refused;
    do
    :: atomic { item > last -> producing--; break }
    :: atomic { else -> skip };
       push(item);
       atomic {
           if
           :: refused -> changed(tail)
           :: else -> item++
           fi;
           position = 0; sequence = 0; refused = false;             /* forget the call */
       }
    od
}

proctype Consumer() {
    byte position, sequence, first, second;
    bool nothing, done, ended[2];
    do
    :: done = (producing == 0);
       pop();
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
