/* A fork server for `python3 main.py`: the same interpreter, initialised, waiting to be forked. */
#include "fast_exit.h"
#include "fork_server.h"

static void check(PyStatus status) {
    if (PyStatus_Exception(status)) Py_ExitStatusException(status);
}

/*
 * As python3 does with the same words and environment. Only the path has to be said: it becomes
 * absolute here, where the folder that it will be in does not exist yet.
 */
static void initialise(int argc, char **argv) {
    char path[256];
    PyConfig config;
    PyConfig_InitPythonConfig(&config);
    snprintf(path, sizeof path, "%s/%s", WORK, argv[argc - 1]);
    check(PyConfig_SetBytesArgv(&config, argc, argv));
    check(PyConfig_SetBytesString(&config, &config.run_filename, path));
    check(Py_InitializeFromConfig(&config));
    PyConfig_Clear(&config);
    remember_beginning();
}

/* sys.argv or sys.orig_argv of this run. */
static int set_words(const char *name, char *const *words) {
    PyObject *list = PyList_New(0);
    for (; list && *words; words++) {
        PyObject *word = PyUnicode_DecodeFSDefault(*words);
        if (!word || PyList_Append(list, word)) return -1;
        Py_DECREF(word);
    }
    if (!list || PySys_SetObject(name, list)) return -1;
    Py_DECREF(list);
    return 0;
}

static void run_main(const struct step *step) {
    /* The first word is the interpreter; the program sees itself in its place. */
    if (set_words("orig_argv", step->argv) || set_words("argv", step->argv + 1))
        fail(REPORT, "arguments");
    begin_program();
    exit(Py_RunMain());
}

int main(int argc, char **argv) {
    initialise(argc, argv);
    serve(&(struct interpreter){.before_fork = PyOS_BeforeFork,
                                .after_fork = PyOS_AfterFork_Parent,
                                .begin_fork = PyOS_AfterFork_Child,
                                .become_program = run_main});
    /* Without an agent there is no container; nothing here has to be put in order. */
    _exit(0);
}
