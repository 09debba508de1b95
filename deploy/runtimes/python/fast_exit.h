/*
 * How a fork of the interpreter ends: where nothing of the program's could be noticed any more, it
 * leaves without being taken apart. That would copy most pages that it shares with the server, and
 * take longer than a short program.
 *
 * It relies on the inside of CPython 3.11. With another version the interpreter always ends in its
 * own way, and the build says so in a warning.
 *
 * What CPython 3.11's Py_FinalizeEx (Python/pylifecycle.c) would run of the program's is looked for
 * first: what waits for the end, and objects whose death runs code or writes data. In any doubt the
 * interpreter's own way is taken. server.c is linked with --wrap for its two entries.
 */
#ifndef FAST_EXIT_H
#define FAST_EXIT_H

#define Py_BUILD_CORE
#include <Python.h>

int __real_Py_FinalizeEx(void);
int __wrap_Py_FinalizeEx(void);
void __real_Py_Exit(int status);
void __wrap_Py_Exit(int status);

#if PY_VERSION_HEX >> 16 != 0x030b
#warning "no fast exit: it is written for CPython 3.11, and this is another version"

static inline void remember_beginning(void) {}

int __wrap_Py_FinalizeEx(void) {
    return __real_Py_FinalizeEx();
}

void __wrap_Py_Exit(int status) {
    __real_Py_Exit(status);
}

#else

/* One declares _PyGC_FINALIZED for itself, the other as a macro of the public headers. */
#undef _PyGC_FINALIZED
#include <internal/pycore_gc.h>
#include <internal/pycore_interp.h>
#include <internal/pycore_runtime.h>
#include <link.h>
#include <signal.h>

enum { MAX_KNOWN = 64, MAX_FILTERS = 16, SIGNALS = 32 };

/*
 * The interpreter as it was before any program. `known` are weak references to those of its objects
 * whose death runs code, so that another object at the same address is not taken for one of them.
 */
static struct {
    int usable;
    PyObject *known[MAX_KNOWN];
    int known_count;
    const PyMethodDef *harmless_callback;
    PyObject *streams[3];
    PyObject *filters[MAX_FILTERS];
    Py_ssize_t filter_count;
    unsigned long long libraries;
    int exit_functions;
    void (*handlers[SIGNALS])(int);
} before;

static const char *const STREAMS[3] = {"stdin", "stdout", "stderr"};
static const char *const OWN_STREAMS[3] = {"__stdin__", "__stdout__", "__stderr__"};

/* Of the extension modules that are libraries of their own, those that only hold memory. */
static const char *const PLAIN_LIBRARIES[] = {"/_contextvars.cpython-311-", "/_decimal.cpython-311-",
                                              "/_hashlib.cpython-311-",     "/_json.cpython-311-",
                                              "/_typing.cpython-311-",      "/libcrypto.so."};

static inline int has_finalizer(const PyTypeObject *type) {
    return type->tp_finalize || type->tp_del;
}

/* Its instances may be keys of the dictionaries that are cleared, and are asked who they are. */
static inline int answers_as_key(PyTypeObject *type) {
    const PyTypeObject *plain = &PyBaseObject_Type;
    if (PyType_HasFeature(type, Py_TPFLAGS_UNICODE_SUBCLASS)) plain = &PyUnicode_Type;
    if (PyType_HasFeature(type, Py_TPFLAGS_TYPE_SUBCLASS)) plain = &PyType_Type;
    return plain != &PyBaseObject_Type &&
           (type->tp_hash != plain->tp_hash || type->tp_richcompare != plain->tp_richcompare);
}

static inline const PyMethodDef *method_of(PyObject *callback) {
    return PyCFunction_Check(callback) ? ((PyCFunctionObject *)callback)->m_ml : NULL;
}

/* Whether code could run, or data be written, when this object dies. */
static inline int is_noticed(PyObject *object) {
    const PyTypeObject *type = Py_TYPE(object);
    if (has_finalizer(type)) return 1;
    if (PyType_Check(object))
        return has_finalizer((PyTypeObject *)object) || answers_as_key((PyTypeObject *)object);
    if (!PyWeakref_Check(object)) return 0;
    PyObject *callback = ((PyWeakReference *)object)->wr_callback;
    return callback && (!before.harmless_callback || method_of(callback) != before.harmless_callback);
}

/* Calls `look` for every object that the collector knows, until one is found. */
static inline int any_object(int (*look)(PyObject *)) {
    struct _gc_runtime_state *gc = &PyInterpreterState_Get()->gc;
    for (int i = 0; i < NUM_GENERATIONS; i++) {
        PyGC_Head *head = &gc->generations[i].head;
        for (PyGC_Head *at = _PyGCHead_NEXT(head); at != head; at = _PyGCHead_NEXT(at))
            if (look((PyObject *)(at + 1))) return 1;
    }
    return 0;
}

static inline int is_known(PyObject *object) {
    for (int i = 0; i < before.known_count; i++)
        if (PyWeakref_GET_OBJECT(before.known[i]) == object) return 1;
    return 0;
}

static inline int is_noticed_and_new(PyObject *object) {
    return is_noticed(object) && !is_known(object);
}

/* The collector's own way of dropping what a class was registered for: C code without effect. */
static inline int find_harmless_callback(PyObject *object) {
    PyObject *callback = PyWeakref_Check(object) ? ((PyWeakReference *)object)->wr_callback : NULL;
    const PyMethodDef *method = callback ? method_of(callback) : NULL;
    if (!method || strcmp(method->ml_name, "_destroy")) return 0;
    before.harmless_callback = method;
    return 1;
}

/* 1 when it cannot be remembered. */
static inline int remember(PyObject *object) {
    if (!is_noticed(object)) return 0;
    PyObject *reference =
        before.known_count < MAX_KNOWN ? PyWeakref_NewRef(object, NULL) : NULL;
    if (!reference) return 1;
    PyObject_GC_UnTrack(reference);
    before.known[before.known_count++] = reference;
    return 0;
}

static inline int count_library(struct dl_phdr_info *info, size_t size, void *count) {
    (void)size;
    for (size_t i = 0; i < sizeof PLAIN_LIBRARIES / sizeof *PLAIN_LIBRARIES; i++)
        if (!strncmp(info->dlpi_name, "/usr/lib/", 9) && strstr(info->dlpi_name, PLAIN_LIBRARIES[i]))
            return 0;
    ++*(unsigned long long *)count;
    return 0;
}

/* Libraries whose code could be called at the end. */
static inline unsigned long long libraries(void) {
    unsigned long long count = 0;
    dl_iterate_phdr(count_library, &count);
    return count;
}

static inline void (*handler_of(int number))(int) {
    struct sigaction action;
    return sigaction(number, NULL, &action) ? SIG_ERR : action.sa_handler;
}

/* Called once, in the server, when the interpreter is initialised. */
static inline void remember_beginning(void) {
    PyObject *filters = PyInterpreterState_Get()->warnings.filters;
    if (!filters || !PyList_CheckExact(filters) || PyList_GET_SIZE(filters) > MAX_FILTERS) return;
    before.filter_count = PyList_GET_SIZE(filters);
    for (Py_ssize_t i = 0; i < before.filter_count; i++)
        before.filters[i] = PyList_GET_ITEM(filters, i);
    for (int i = 0; i < 3; i++) before.streams[i] = PySys_GetObject(STREAMS[i]);
    for (int i = 1; i < SIGNALS; i++) before.handlers[i] = handler_of(i);
    before.libraries = libraries();
    before.exit_functions = _PyRuntime.nexitfuncs;
    any_object(find_harmless_callback);
    before.usable = !any_object(remember);
    PyErr_Clear();
}

static inline int is_alone(PyInterpreterState *interpreter) {
    PyThreadState *thread = interpreter->threads.head;
    return thread && !thread->next && !thread->c_tracefunc && !thread->c_profilefunc &&
           !interpreter->next && _PyRuntime.interpreters.head == interpreter;
}

static inline int has_size(PyObject *list) {
    return list && PyList_GET_SIZE(list) > 0;
}

static inline int has_plain_collector(const struct _gc_runtime_state *gc) {
    const PyGC_Head *frozen = &gc->permanent_generation.head;
    return !gc->debug && !gc->collecting && !has_size(gc->callbacks) && !has_size(gc->garbage) &&
           _PyGCHead_NEXT(frozen) == frozen;
}

static inline int waits_for_end(PyInterpreterState *interpreter) {
    return interpreter->atexit.ncallbacks > 0 || interpreter->audit_hooks ||
           _Py_atomic_load_relaxed(&interpreter->ceval.pending.calls_to_do) ||
           _PyRuntime.nexitfuncs != before.exit_functions;
}

static inline int has_plain_signals(void) {
    for (int i = 1; i < SIGNALS; i++)
        if (handler_of(i) != before.handlers[i]) return 0;
    for (int which = ITIMER_REAL; which <= ITIMER_PROF; which++) {
        struct itimerval timer;
        if (getitimer(which, &timer) || timer.it_value.tv_sec || timer.it_value.tv_usec) return 0;
    }
    return 1;
}

static inline int has_plain_filters(PyInterpreterState *interpreter, PyObject *modules) {
    PyObject *filters = interpreter->warnings.filters;
    PyObject *module = PyDict_GetItemString(modules, "warnings");
    if (module && (!PyModule_CheckExact(module) ||
                   PyDict_GetItemString(PyModule_GetDict(module), "filters") != filters))
        return 0;
    if (PyList_GET_SIZE(filters) != before.filter_count) return 0;
    for (Py_ssize_t i = 0; i < before.filter_count; i++)
        if (PyList_GET_ITEM(filters, i) != before.filters[i]) return 0;
    return 1;
}

/* threading waits for its threads. */
static inline int has_plain_modules(PyObject *modules) {
    PyObject *name;
    Py_ssize_t at = 0;
    while (PyDict_Next(modules, &at, &name, NULL))
        if (!PyUnicode_CheckExact(name)) return 0;
    return !PyDict_GetItemString(modules, "threading");
}

/* With no attribute that could stand in for a method, `close` above all. */
static inline int is_plain_file(PyObject *file) {
    PyObject **dict = _PyObject_GetDictPtr(file), *name;
    Py_ssize_t at = 0;
    while (dict && *dict && PyDict_Next(*dict, &at, &name, NULL))
        if (!PyUnicode_CheckExact(name) || (!_PyUnicode_EqualToASCIIString(name, "mode") &&
                                            !_PyUnicode_EqualToASCIIString(name, "name")))
            return 0;
    return 1;
}

static inline int has_plain_streams(void) {
    for (int i = 0; i < before.known_count; i++) {
        PyObject *object = PyWeakref_GET_OBJECT(before.known[i]);
        if (object != Py_None && !PyType_Check(object) && !is_plain_file(object)) return 0;
    }
    for (int i = 0; i < 3; i++)
        if (!is_known(before.streams[i]) || PySys_GetObject(STREAMS[i]) != before.streams[i] ||
            PySys_GetObject(OWN_STREAMS[i]) != before.streams[i])
            return 0;
    return 1;
}

/* Whether the end would run no code and write no data of the program's, but what is flushed. */
static inline int nothing_is_left(void) {
    PyInterpreterState *interpreter = PyInterpreterState_Get();
    PyObject *modules = PyImport_GetModuleDict();
    return before.usable && is_alone(interpreter) && has_plain_collector(&interpreter->gc) &&
           !waits_for_end(interpreter) && libraries() == before.libraries &&
           has_plain_signals() && modules && PyDict_CheckExact(modules) &&
           has_plain_modules(modules) && has_plain_filters(interpreter, modules) &&
           has_plain_streams() && !any_object(is_noticed_and_new);
}

/* As flush_std_files in pylifecycle.c: 0, or -1 when what was to be written could not be. */
static inline int flush(PyObject *file, int complains) {
    PyObject *closed = PyObject_GetAttrString(file, "closed");
    int is_closed = closed ? PyObject_IsTrue(closed) : -1;
    Py_XDECREF(closed);
    if (is_closed < 0) PyErr_Clear();
    if (is_closed > 0) return 0;
    PyObject *done = PyObject_CallMethod(file, "flush", NULL);
    Py_XDECREF(done);
    if (done) return 0;
    complains ? PyErr_WriteUnraisable(file) : PyErr_Clear();
    return -1;
}

/* Keeps what failed from being tried, and reported, once more when streams are closed. */
static inline int end_after_failure(int out, int err) {
    if (out) PySys_SetObject(STREAMS[1], Py_None);
    if (err) PySys_SetObject(STREAMS[2], Py_None);
    __real_Py_FinalizeEx();
    return -1;
}

int __wrap_Py_FinalizeEx(void) {
    if (!Py_IsInitialized() || !nothing_is_left()) return __real_Py_FinalizeEx();
    int out = flush(before.streams[1], 1), err = flush(before.streams[2], 0);
    return out || err ? end_after_failure(out, err) : 0;
}

/* Py_Exit calls its neighbour in the same file, past the linker. */
void __wrap_Py_Exit(int status) {
    exit(__wrap_Py_FinalizeEx() < 0 ? 120 : status);
}

#endif
#endif
