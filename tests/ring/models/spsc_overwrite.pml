/* A ring whose producer overwrites the oldest items and never waits, and whose reader checks whether it was lapped.
 *
 * Promises, for a stream longer than the ring, and counters that wrap while it flows:
 *   bounds       head <= tail <= writing
 *   right_item   what the reader accepts is the item of its position, all words of it: so items strictly increase
 *   dropped_late an item is dropped only if its slot is, or was, being written again
 *   counted      accepted + dropped is the position that the reader has come to
 *   emptiness    "nothing there" is told only if nothing could be read when tail was read
 *   progress     a copy is thrown away only if the producer went on since the attempt began: one that stands still in
 *                the midst of a write, or dies there, does not keep the reader from the items that are whole
 *   end          the end is told only when every item sent was accepted or dropped
 * Does not promise: anything about weak memory, where the words of slots must be loaded and stored as atomic ones, with
 * the orders and fences named beside the steps; that a reader gets any item while the producer goes on for ever; that
 * another producer may take over from a dead one (writing must not go back then, and this one sets it back); nor
 * anything once a reader slept for 2^64 items, which is why this model, with its small counters, sends few.
 *
 * Mutants (-DNAME), and the promise that each breaks:
 *   WRITING_AFTER_DATA              right_item
 *   WRITING_AFTER_FIRST_WORD        right_item
 *   WRITING_FOR_ONE_OF_MANY         bounds
 *   TAIL_BEFORE_DATA                right_item
 *   TAIL_BEFORE_WRITING             bounds
 *   COPY_BEFORE_TAIL                right_item
 *   LAP_CHECK_LEFT_OUT              right_item
 *   LAP_CHECK_BEFORE_COPY           right_item
 *   LAP_CHECK_BEFORE_SECOND_WORD    right_item
 *   LAP_CHECK_BY_TAIL               right_item
 *   LAP_CHECK_ALLOWS_ONE_MORE       right_item
 *   OLDEST_BY_TAIL_ALONE            progress
 *   OLDEST_BY_MAXIMUM               progress
 *   LAPPED_JUMPS_TO_NEWEST          dropped_late
 *   WRITING_READ_AFTER_TAIL         emptiness
 *   DROPPED_BEFORE_LAP_CHECK        counted
 *   CLOSED_READ_AFTER_TAIL          end
 *   CLOSED_BEFORE_LAST_TAIL         end
 */
#ifndef N
#define N 2                 /* capacity */
#endif

#define ITEMS (N + 4)       /* as many are sent at most: two rings full, or five */
#define COUNTS 32           /* what 2^64 is in the library: a multiple of 2N, more than ITEMS + N */
#define START (COUNTS - N)  /* counters wrap after the first N items */

#define since(earlier, later) ((COUNTS + (later) - (earlier)) % COUNTS)
#define smaller(a, b) ((a) < (b) -> (a) : (b))
#define larger(a, b) ((a) > (b) -> (a) : (b))
#define beyond(distance) larger((distance) - N, 0)      /* how many of as many positions have lost their slots */

#define promise(name, condition) name = (condition); assert(name)
bool bounds = true, right_item = true, dropped_late = true, counted = true;
bool emptiness = true, progress = true, end = true;

typedef Slot { byte first; byte second }        /* two words, one written after the other; 0 before any item */
Slot slot[N];

/* The producer's: */
byte writing = START;       /* position after the last that is being written: slots before writing - N are gone */
byte tail = START;          /* position after the last that is complete; never ahead of writing */
bit closed;                 /* never unset; nothing is sent after it is set */
/* The reader's: */
byte head = START;          /* the next position that it wants; the producer never looks at it */

byte sent;                  /* a ghost: number of the last item that the producer took up; item 1 is at START */

inline set(counter, value) {
    d_step { counter = value; promise(bounds, since(head, tail) <= since(head, writing)) }
}

/* Announce what will be written: from here on, no reader keeps a copy of what these slots held. */
inline announce(position, many) {
#ifdef WRITING_FOR_ONE_OF_MANY
    set(writing, (position + 1) % COUNTS)
#else
    set(writing, (position + many) % COUNTS)
#endif
}

/* Write the last N of as many items to their slots. */
inline write(position, item, many) {
    i = beyond(many);
    do
    :: atomic { i < many -> slot[(position + i) % N].first = item + i };
#ifdef WRITING_AFTER_FIRST_WORD
       announce(position, many);
#endif
       atomic { slot[(position + i) % N].second = item + i; i++ }
    :: else -> i = 0; break
    od
}

inline publish(position, many) {
    set(tail, (position + many) % COUNTS)
}

/* push (many = 1) and extend, by more than N too. */
inline send(many) {
    atomic { position = tail; item = sent + 1; sent = sent + many };
#ifdef CLOSED_BEFORE_LAST_TAIL
    if :: closed = true :: skip fi;
#endif
#if defined(WRITING_AFTER_FIRST_WORD)
    write(position, item, many); publish(position, many)
#elif defined(WRITING_AFTER_DATA)
    write(position, item, many); announce(position, many); publish(position, many)
#elif defined(TAIL_BEFORE_WRITING)
    publish(position, many); announce(position, many); write(position, item, many)
#elif defined(TAIL_BEFORE_DATA)
    announce(position, many); publish(position, many); write(position, item, many)
#else
    announce(position, many);       /* before the first word: relaxed, then a release fence */
    write(position, item, many);
    publish(position, many)         /* after the last word: release */
#endif
}

/* Copy items out of slots, one word after the other. */
inline copy(position, many) {
    i = 0;
    do
    :: atomic { i < many -> first[i] = slot[(position + i) % N].first };
#ifdef LAP_CHECK_BEFORE_SECOND_WORD
       new_writing = writing;
#endif
       atomic { second[i] = slot[(position + i) % N].second; i++ }
    :: else -> i = 0; break
    od
}

/* Closed is read first, as in a ring that refuses; then writing, then tail: what tail shows is then judged by a writing
 * of no later time, and if all of it is gone, nothing could be read at the moment when tail was. */
inline look_for_items() {
#ifndef CLOSED_READ_AFTER_TAIL
    was_closed = closed;            /* acquire */
#endif
#ifndef WRITING_READ_AFTER_TAIL
    old_writing = writing;          /* acquire */
#endif
    atomic { seen_tail = tail; readable = since(head, tail) > beyond(since(head, writing)) };   /* acquire */
#ifdef WRITING_READ_AFTER_TAIL
    old_writing = writing;
#endif
#ifdef CLOSED_READ_AFTER_TAIL
    was_closed = closed;
#endif
    atomic {
        available = since(head, seen_tail);
#if defined(OLDEST_BY_TAIL_ALONE)
        skipped = beyond(available)
#elif defined(OLDEST_BY_MAXIMUM)
        skipped = since(head, larger(head, (COUNTS + old_writing - N) % COUNTS))
#elif defined(LAPPED_JUMPS_TO_NEWEST)
        skipped = beyond(larger(since(head, old_writing), available));
        if :: skipped > 0 && skipped < available -> skipped = available - 1 :: else fi
#else
        skipped = beyond(larger(since(head, old_writing), available))   /* distances from head do not wrap; maxima do */
#endif
    }
}

/* pop (many = 1) and drain: at most as many, oldest first, or nothing if all of the copy has to be thrown away. */
inline take(many) {
#ifdef COPY_BEFORE_TAIL
    copy(head, many);
#endif
    look_for_items();
    if
    :: skipped >= available ->
       promise(emptiness, !readable);
       if
       :: was_closed -> promise(end, accepted + dropped == sent); goto ended
       :: else
       fi
    :: else ->
       atomic { position = (head + skipped) % COUNTS; taken = smaller(many, available - skipped) };
#ifdef DROPPED_BEFORE_LAP_CHECK
       dropped = dropped + skipped;
#endif
#ifdef LAP_CHECK_BEFORE_COPY
       new_writing = writing;
#endif
#ifdef COPY_BEFORE_TAIL
       if :: skipped > 0 -> copy(position, taken) :: else fi;
#else
       copy(position, taken);
#endif
#if defined(LAP_CHECK_BY_TAIL)
       new_writing = tail;
#elif !defined(LAP_CHECK_BEFORE_COPY) && !defined(LAP_CHECK_BEFORE_SECOND_WORD)
       new_writing = writing;       /* after the last word: acquire fence, then relaxed */
#endif
       accept()
    fi
}

/* What of the copy may have been written over is dropped; the rest is the reader's. */
inline accept() {
    atomic {
#if defined(LAP_CHECK_LEFT_OUT)
        lost = 0;
#elif defined(LAP_CHECK_ALLOWS_ONE_MORE)
        lost = smaller(taken, beyond(since(position, new_writing) - 1));
#else
        lost = smaller(taken, beyond(since(position, new_writing)));
#endif
        if
        :: lost == taken -> promise(progress, new_writing != old_writing)
        :: else ->
           promise(dropped_late, skipped + lost <= beyond(since(head, writing)));
#ifdef DROPPED_BEFORE_LAP_CHECK
           dropped = dropped + lost;
#else
           dropped = dropped + skipped + lost;
#endif
           i = lost;
           do
           :: i < taken ->
              item = 1 + since(START, (position + i) % COUNTS);
              promise(right_item, first[i] == item && second[i] == item);
              accepted++; i++
           :: else -> i = 0; break
           od;
           set(head, (position + taken) % COUNTS);
           promise(counted, accepted + dropped == since(START, head))
        fi
    }
}

active proctype Producer() {
    byte many, position, item, i;
    do
    :: atomic {
           !closed && sent < ITEMS ->
           if :: many = 1 :: many = N :: many = N + 1 fi;
           many = smaller(many, ITEMS - sent)
       };
       send(many);
       atomic { many = 0; position = 0; item = 0 }      /* forget the call */
    :: closed = true; break                             /* release: all that was sent is visible before */
    od
}

active proctype Reader() {
    byte many, old_writing, seen_tail, available, skipped, position, taken, new_writing, lost, item, i;
    byte first[N], second[N], accepted, dropped;
    bit was_closed, readable;
    do
    :: atomic { if :: many = 1 :: many = N fi };
       take(many);
       atomic {
           many = 0; old_writing = 0; seen_tail = 0; available = 0; skipped = 0; position = 0; taken = 0;
           new_writing = 0; lost = 0; item = 0; was_closed = 0; readable = 0;
           do :: i < N -> first[i] = 0; second[i] = 0; i++ :: else -> i = 0; break od
       }
    od;
ended:
    skip
}
