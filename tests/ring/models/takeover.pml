/* The ring of spsc.pml between processes that are killed at any point, as often as there is, each followed by another.
 *
 * A producer that takes over starts at tail, with cached_head = head; tail says how many items were committed, and what
 * comes after them is sent again. A consumer that takes over starts at head, with cached_tail = tail. Reserving and
 * committing, peeking and releasing are the steps of send and take, with the program's own work between.
 *
 * Promises, for streams of any length:
 *   counters     cached_head <= head <= cached_tail <= tail <= cached_head + N, through all deaths
 *   whole        a consumer copies complete items alone, each that of its position: so order is kept, and what was
 *                committed is neither lost nor written over
 *   at_least_once   consumers are given every item, some twice, none only after a later one
 * Does not promise: that an item comes only once; nor that it comes at all where the program acts on it after its slot
 * was freed, as after pop and drain: what a dead consumer had in its hands is lost then. Nor anything if somebody takes
 * over from the living; nor about weak memory, or power that fails.
 *
 * Mutants (-DNAME), the promise that each breaks, and what is defined too for it to be found soon:
 *   PUBLISH_BEFORE_WRITE                whole
 *   FREE_BEFORE_COPY                    whole
 *   FREE_BEFORE_DELIVERY                at_least_once
 *   PRODUCER_STARTS_AT_UNCOMMITTED      whole
 *   PRODUCER_STARTS_AT_CACHED_TAIL      counters
 *   PRODUCER_TRUSTS_EMPTY_RING          counters
 *   PRODUCER_WITH_FRESH_CACHED_HEAD     counters
 *   CONSUMER_STARTS_AT_CACHED_TAIL      at_least_once
 *   CONSUMER_WITH_FRESH_CACHED_TAIL     counters
 *   PRODUCER_REPLACES_THE_LIVING        counters
 *   CONSUMER_REPLACES_THE_LIVING        counters    N=1
 */
#ifndef N
#define N 2                 /* capacity */
#endif

#define COUNTS 8            /* what 2^64 is in the library: a multiple of 2N, for slots to go on where counters wrap */
#define since(earlier, later) ((COUNTS + (later) - (earlier)) % COUNTS)
#define smaller(a, b) ((a) < (b) -> (a) : (b))

#define promise(name, condition) name = (condition); assert(name)
bool counters = true, whole = true, at_least_once = true;

typedef Slot { byte first = COUNTS; byte second = COUNTS }  /* two words, one written after the other; no item yet */
Slot slot[N];

/* In memory that outlives the processes. The producer's: */
byte tail;                  /* all before it are committed */
byte cached_head;           /* head as last seen, by whichever producer */
#ifdef PRODUCER_STARTS_AT_UNCOMMITTED
byte uncommitted;           /* where the last producer was about to move tail to */
#endif
/* The consumer's: */
byte head;                  /* all before it were delivered, or one that died said so */
byte cached_tail;           /* tail as last seen, by whichever consumer */

byte delivered;             /* a ghost, seen by no step of the protocol: position after the last that was delivered */
bit kill_producer, kill_consumer;

/* Change one counter, and look at all. */
inline set(counter, value) {
    d_step {
        counter = value;
        promise(counters, since(cached_head, head) <= since(cached_head, cached_tail) &&
                          since(cached_head, cached_tail) <= since(cached_head, tail) &&
                          since(cached_head, tail) <= N)
    }
}

inline write(position, many) {
    i = 0;
    do
    :: atomic { i < many -> slot[(position + i) % N].first = (position + i) % COUNTS };
       atomic { slot[(position + i) % N].second = (position + i) % COUNTS; i++ }
    :: else -> i = 0; break
    od
}

inline take_over_sending() {
#ifdef PRODUCER_STARTS_AT_UNCOMMITTED
    position = uncommitted;
#elif defined(PRODUCER_STARTS_AT_CACHED_TAIL)
    position = cached_tail;
#else
    position = tail;                                    /* what was committed is the consumer's; all else is unsent */
#endif
#if defined(PRODUCER_TRUSTS_EMPTY_RING)
    set(cached_head, position)
#elif defined(PRODUCER_WITH_FRESH_CACHED_HEAD)
    set(cached_head, 0)
#else
    set(cached_head, head)                              /* acquire: the slots before head were copied */
#endif
}

/* reserve and commit: as many as fit. */
inline send(many) {
    room = N - since(cached_head, position);
    if
    :: room < many -> set(cached_head, head); room = N - since(cached_head, position)   /* acquire */
    :: else
    fi;
    many = smaller(many, room);
#ifdef PRODUCER_STARTS_AT_UNCOMMITTED
    uncommitted = (position + many) % COUNTS;
#endif
#ifdef PUBLISH_BEFORE_WRITE
    set(tail, (position + many) % COUNTS);
    write(position, many);
#else
    write(position, many);                              /* first complete: who dies here leaves nothing to see, ... */
    set(tail, (position + many) % COUNTS);              /* ... then committed: release */
#endif
    atomic { position = (position + many) % COUNTS; many = 0; room = 0 }
}

/* Copy items out of slots, one word after the other. */
inline copy(position, many) {
    i = 0;
    do
    :: atomic { i < many -> first[i] = slot[(position + i) % N].first };
       atomic { second[i] = slot[(position + i) % N].second; i++ }
    :: else -> i = 0; break
    od
}

/* Hand what was copied to the program, item by item. */
inline deliver(many) {
    i = 0;
    do
    :: atomic {
           i < many ->
           promise(whole, first[i] == (position + i) % COUNTS && second[i] == first[i]);
           promise(at_least_once, since(first[i], delivered) <= N);
           if :: first[i] == delivered -> delivered = (delivered + 1) % COUNTS :: else fi;
           first[i] = 0; second[i] = 0; i++
       }
    :: else -> i = 0; break
    od
}

inline take_over_receiving() {
#ifdef CONSUMER_STARTS_AT_CACHED_TAIL
    set(head, cached_tail);
#endif
    position = head;                                    /* what no one said was delivered is delivered again */
#ifdef CONSUMER_WITH_FRESH_CACHED_TAIL
    set(cached_tail, 0)
#else
    set(cached_tail, tail)                              /* acquire: the items before tail are complete */
#endif
}

/* peek and release: at most as many. */
inline take(many) {
    if
    :: since(position, cached_tail) < many -> set(cached_tail, tail)    /* acquire */
    :: else
    fi;
    many = smaller(many, since(position, cached_tail));
#if defined(FREE_BEFORE_COPY)
    set(head, (position + many) % COUNTS);
    copy(position, many);
    deliver(many);
#elif defined(FREE_BEFORE_DELIVERY)
    copy(position, many);
    set(head, (position + many) % COUNTS);
    deliver(many);
#else
    copy(position, many);
    deliver(many);                                      /* first delivered: who dies here has it delivered again, ... */
    set(head, (position + many) % COUNTS);              /* ... then free: release */
#endif
    atomic { position = (position + many) % COUNTS; many = 0 }
}

#ifdef PRODUCER_REPLACES_THE_LIVING
active [2]
#else
active
#endif
proctype Producer() {
    byte many, position, room, i;
life:
    {
        take_over_sending();
        do
        :: atomic { if :: many = 1 :: many = N fi }; send(many)
        od
    } unless { atomic { kill_producer -> kill_producer = false; many = 0; position = 0; room = 0; i = 0 } };
    goto life
}

#ifdef CONSUMER_REPLACES_THE_LIVING
active [2]
#else
active
#endif
proctype Consumer() {
    byte many, position, i;
    byte first[N], second[N];
life:
    {
        take_over_receiving();
        do
        :: atomic { if :: many = 1 :: many = N fi }; take(many)
        od
    } unless {
        atomic {
            kill_consumer -> kill_consumer = false; many = 0; position = 0; i = 0;
            do :: i < N -> first[i] = 0; second[i] = 0; i++ :: else -> i = 0; break od
        }
    };
    goto life
}

active proctype Killer() {
    do
    :: kill_producer = true
    :: kill_consumer = true
    od
}
