/* A ring between one producer and one consumer that refuses what does not fit: push, extend, pop, drain, close.
 * (Reserving and committing, peeking and releasing are the steps of extend and drain, with other work between.)
 *
 * Promises, for streams of any length, as positions and items are counted modulo small numbers:
 *   counters     cached_head <= head <= cached_tail <= tail <= cached_head + N
 *   next_item    what the consumer takes is the next item, all words of it: none is lost, none comes twice or too early
 *   refusal      less is stored than was asked for only if the ring had no room for more when the call began
 *   emptiness    less is taken than was asked for only if the ring held no more when the call began
 *   end          the end of the stream is told only after all that was ever sent has been taken
 * Does not promise: anything about weak memory. Here each step is seen by all at once, in the order written. What keeps
 * that order on real processors is what "acquire" and "release" beside the steps stand for; whether the library says
 * so is for other tests to look at. Nor that anybody ever calls again: each side may stop for ever between its steps.
 *
 * Mutants (-DNAME), and the promise that each breaks:
 *   WRITE_BEFORE_ROOM               next_item
 *   PUBLISH_BEFORE_WRITE            next_item
 *   PUBLISH_BEFORE_SECOND_WORD      next_item
 *   COPY_BEFORE_TAIL                next_item
 *   FREE_BEFORE_COPY                next_item
 *   DRAIN_LEAVES_CACHED_TAIL        counters
 *   FULL_IS_MORE_THAN_N             counters
 *   EXTEND_BEYOND_ROOM              counters
 *   ROOM_WITHOUT_WRAP               counters
 *   COUNTERS_MASKED                 end
 *   ROOM_BY_CACHED_HEAD_ALONE       refusal
 *   EMPTY_BY_CACHED_TAIL_ALONE      emptiness
 *   CLOSED_READ_AFTER_TAIL          end
 *   CLOSED_BEFORE_LAST_PUBLISH      end
 */
#ifndef N
#define N 2                 /* capacity */
#endif

#define ITEMS 8             /* items are numbered modulo this, which tells one from those that its slot held before */
#ifdef COUNTERS_MASKED
#define COUNTS N            /* full and empty look the same */
#else
#define COUNTS 8            /* what 2^64 is in the library: a multiple of 2N, for slots to go on where counters wrap */
#endif

#define since(earlier, later) ((COUNTS + (later) - (earlier)) % COUNTS)
#define smaller(a, b) ((a) < (b) -> (a) : (b))

#define promise(name, condition) name = (condition); assert(name)
bool counters = true, next_item = true, refusal = true, emptiness = true, end = true;

typedef Slot { byte first = ITEMS; byte second = ITEMS }    /* two words, one written after the other; no item yet */
Slot slot[N];

/* The producer's: */
byte tail;                  /* all before it are complete; tail - head <= N, and as no slot is spare, it may be N */
byte cached_head;           /* head as last seen: never ahead of it, so at worst there is more room than it shows */
bit closed;                 /* never unset; nothing is sent after it is set */
/* The consumer's: */
byte head;                  /* all before it were copied: their slots are the producer's */
byte cached_tail;           /* tail as last seen: never behind head, or what is between them would look like items */

byte sent;                  /* a ghost, seen by no step of the protocol: number of items that the producer took up */

/* Change one counter, and look at all. */
inline set(counter, value) {
    d_step {
        counter = value;
        promise(counters, since(cached_head, head) <= since(cached_head, cached_tail) &&
                          since(cached_head, cached_tail) <= since(cached_head, tail) &&
                          since(cached_head, tail) <= N)
    }
}

/* Write items to slots that the consumer is done with. */
inline write(position, item, many) {
    i = 0;
    do
    :: atomic { i < many -> slot[(position + i) % N].first = (item + i) % ITEMS };
#ifdef PUBLISH_BEFORE_SECOND_WORD
       if :: i == many - 1 -> set(tail, (position + many) % COUNTS) :: else fi;
#endif
       atomic { slot[(position + i) % N].second = (item + i) % ITEMS; i++ }
    :: else -> i = 0; break
    od
}

inline look_for_room() {
#ifdef FULL_IS_MORE_THAN_N
    room = N + 1 - since(cached_head, tail)
#elif defined(ROOM_WITHOUT_WRAP)
    room = N - (tail - cached_head)
#else
    room = N - since(cached_head, tail)
#endif
}

/* push (many = 1) and extend: store as many as fit. */
inline send(many) {
    d_step { position = tail; item = sent; room_at_start = N - since(head, tail); look_for_room() };
#ifdef WRITE_BEFORE_ROOM
    write(position, item, many);
#endif
#ifndef ROOM_BY_CACHED_HEAD_ALONE
    if
    :: room < many -> set(cached_head, head); look_for_room()   /* acquire: the slots before head were copied */
    :: else
    fi;
#endif
    d_step {
#ifdef EXTEND_BEYOND_ROOM
        stored = (room > 0 -> many : 0);
#else
        stored = smaller(many, room);
#endif
        promise(refusal, stored >= smaller(many, room_at_start));
        sent = (sent + stored) % ITEMS
    };
#ifdef CLOSED_BEFORE_LAST_PUBLISH
    if :: closed = true :: skip fi;
#endif
#ifdef PUBLISH_BEFORE_WRITE
    set(tail, (position + stored) % COUNTS);
    write(position, item, stored)
#elif defined(WRITE_BEFORE_ROOM)
    set(tail, (position + stored) % COUNTS)
#else
    write(position, item, stored);              /* first complete, ... */
    set(tail, (position + stored) % COUNTS)     /* ... then visible: release */
#endif
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

/* Look at what was copied, as the consumer's program does: no step of the ring. */
inline deliver(many) {
    atomic {
        i = 0;
        do
        :: i < many ->
           promise(next_item, first[i] == received && second[i] == received);
           received = (received + 1) % ITEMS;
           first[i] = 0; second[i] = 0; i++
        :: else -> i = 0; break
        od
    }
}

/* Closed is read first: what was published before it was set is then seen by whoever reads tail after it. */
inline look_for_items(counter) {
#ifdef CLOSED_READ_AFTER_TAIL
    set(counter, tail);
    was_closed = closed
#else
    was_closed = closed;                        /* acquire */
    set(counter, tail)                          /* acquire: the items before tail are complete */
#endif
}

inline take(many) {
#ifdef FREE_BEFORE_COPY
    position = head;
    set(head, (head + many) % COUNTS);
    copy(position, many);
    deliver(many)
#else
#ifndef COPY_BEFORE_TAIL
    copy(head, many);                           /* first copied, ... */
#endif
    deliver(many);
    set(head, (head + many) % COUNTS)           /* ... then free: release */
#endif
}

/* Nothing to take: either for now, or for ever. */
inline nothing_there() {
    promise(emptiness, !items_at_start);
    if
    :: was_closed -> promise(end, received == sent); goto ended
    :: else
    fi
}

inline pop() {
    items_at_start = since(head, tail);
#ifdef COPY_BEFORE_TAIL
    copy(head, 1);
#endif
#ifdef EMPTY_BY_CACHED_TAIL_ALONE
    was_closed = closed;
#else
    if
    :: head == cached_tail -> look_for_items(cached_tail)
    :: else                                     /* they were complete when cached_tail was read */
    fi;
#endif
    if
    :: head == cached_tail -> nothing_there()
    :: else -> take(1)
    fi
}

inline drain(many) {
    items_at_start = since(head, tail);
#ifdef COPY_BEFORE_TAIL
    copy(head, many);
#endif
#ifdef DRAIN_LEAVES_CACHED_TAIL
    look_for_items(seen_tail);
#else
    look_for_items(cached_tail);                /* before head moves, which must not pass it */
    seen_tail = cached_tail;
#endif
    taken = smaller(many, since(head, seen_tail));
    promise(emptiness, taken >= smaller(many, items_at_start));
    if
    :: taken == 0 -> nothing_there()
    :: else -> take(taken)
    fi
}

active proctype Producer() {
    byte many, position, item, room, room_at_start, stored, i;
    do
    :: atomic { !closed -> if :: many = 1 :: many = N fi }; send(many);
       atomic { many = 0; position = 0; item = 0; room = 0; room_at_start = 0; stored = 0 }     /* forget the call */
    :: closed = true; break                     /* release: all that was sent is published before */
    od
}

active proctype Consumer() {
    byte many, position, items_at_start, seen_tail, taken, i, received;
    byte first[N], second[N];
    bit was_closed;
    do
    :: if
       :: pop()
       :: atomic { if :: many = 1 :: many = N fi }; drain(many)
       fi;
       atomic { many = 0; position = 0; items_at_start = 0; seen_tail = 0; taken = 0; was_closed = 0 }
    od;
ended:
    skip
}
