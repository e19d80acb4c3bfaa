/* A module for Python in C: counts the words of a text. */
#include <Python.h>
#include <ctype.h>

static PyObject *words(PyObject *self, PyObject *text)
{
    const char *at = PyUnicode_AsUTF8(text);
    long count = 0;
    int inside = 0;

    if (at == NULL)
        return NULL;
    for (; *at; at++) {
        int space = isspace((unsigned char) *at);
        count += !space && !inside;
        inside = !space;
    }
    return PyLong_FromLong(count);
}

static PyMethodDef methods[] = {
    {"words", words, METH_O, "The number of words in a text."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, .m_name = "tally", .m_size = -1, .m_methods = methods,
};

PyMODINIT_FUNC PyInit_tally(void)
{
    PyObject *made = PyModule_Create(&module);

    if (made != NULL && PyModule_AddStringConstant(made, "COMPILER", "GCC " __VERSION__) < 0)
        Py_CLEAR(made);
    return made;
}
