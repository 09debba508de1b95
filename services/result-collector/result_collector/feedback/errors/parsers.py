"""Which language writes its errors in which way."""

from result_collector.feedback.errors import gcc, go, java, javascript, php, python, ruby
from result_collector.feedback.errors.parser import Family
from runlet.languages import CPP, GO, JAVA, JAVASCRIPT, PHP, PYTHON, RUBY, C

FAMILIES: dict[str, Family] = {
    PYTHON.id: python.FAMILY,
    JAVASCRIPT.id: javascript.FAMILY,
    C.id: gcc.family(C.file_name),
    CPP.id: gcc.family(CPP.file_name),
    GO.id: go.FAMILY,
    JAVA.id: java.FAMILY,
    PHP.id: php.FAMILY,
    RUBY.id: ruby.FAMILY,
}

NO_FAMILY = Family()
